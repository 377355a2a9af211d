"""The tight binding of carbon of Xu, Wang, Chan and Ho, J. Phys.: Condens. Matter 4, 6047 (1992)."""

from rugan_tf.physics.tight_binding import Decay, TightBindingParameters

CARBON = TightBindingParameters(
    name="Xu, Wang, Chan and Ho (1992)",
    element="C",
    s_onsite=-2.99,
    p_onsite=3.71,
    v_ss=-5.0,
    v_sp=4.7,
    v_pp_sigma=5.5,
    v_pp_pi=-1.55,
    hopping=Decay(
        strength=1.0,
        reference=1.536329,
        power=2.0,
        range=2.18,
        sharpness=6.5,
        tail_start=2.45,
        tail=(6.7392620074314e-3, -8.1885359517898e-2, 0.1932365259144, 0.3542874332380),
    ),
    repulsion=Decay(
        strength=8.18555,
        reference=1.64,
        power=3.30304,
        range=2.1052,
        sharpness=8.6655,
        tail_start=2.57,
        tail=(2.2504290109e-8, -1.4408640561e-6, 2.1043303374e-5, 6.6024390226e-5),
    ),
    embedding=(-2.5909765118191, 0.5721151498619, -1.7896349903996e-3, 2.3539221516757e-5, -1.24251169551587e-7),
    cutoff=2.6,
)
