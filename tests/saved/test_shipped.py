import pytest

from rugan_tf.saved import shipped

SHIPPED = ["porous_graphene", "porous_graphene_ednn"]


def test_models_of_the_repository_are_found_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert set(SHIPPED) <= set(shipped.shipped_names())
    base = shipped.shipped_model("porous_graphene")
    newest = max(int(path.name) for path in base.iterdir() if path.name.isdecimal())
    assert shipped.find_model("porous_graphene") == base / str(newest)


def test_folder_of_the_user_goes_before_a_name(tmp_path, monkeypatch):
    (tmp_path / "porous_graphene" / "4").mkdir(parents=True)
    (tmp_path / "porous_graphene" / "4" / "saved_model.pb").touch()
    monkeypatch.chdir(tmp_path)
    assert shipped.find_model("porous_graphene").resolve() == tmp_path / "porous_graphene" / "4"


def test_models_inside_of_the_package_go_before_those_beside_it(tmp_path, monkeypatch):
    for base in (tmp_path, tmp_path / "rugan_tf"):
        (base / "saved_models" / base.name).mkdir(parents=True)
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "rugan_tf")
    assert shipped.shipped_names() == ["rugan_tf"]


def test_model_that_only_the_repository_has_is_refused_with_where_it_is(monkeypatch, tmp_path):
    (tmp_path / "rugan_tf" / "saved_models" / "porous_graphene").mkdir(parents=True)
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "rugan_tf")
    rule = r"comes with this installation: porous_graphene. Others lie in saved_models/ of the repository; download"
    with pytest.raises(ValueError, match=rule + ".* Received: own_model"):
        shipped.shipped_model("own_model")
    with pytest.raises(FileNotFoundError, match=rule + ".* Received: saved_models/own_model"):
        shipped.find_model("saved_models/own_model")


def test_installation_without_models_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "rugan_tf")
    with pytest.raises(FileNotFoundError, match="none, as it was built without models"):
        shipped.find_model("porous_graphene")
