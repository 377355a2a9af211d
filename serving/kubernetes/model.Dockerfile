# TensorFlow Serving with the shipped model inside, for deployment-image.yaml. From the root of the repository:
#   docker build -f serving/kubernetes/model.Dockerfile -t REGISTRY/rugan-serving:1 . && docker push REGISTRY/rugan-serving:1
FROM tensorflow/serving:2.20.0
COPY --chmod=a+rX saved_models/porous_graphene /models/porous_graphene
ENTRYPOINT ["/usr/bin/tensorflow_model_server"]
