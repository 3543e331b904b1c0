"""Every number of the recipe in one place; the command lines override only paths, device and time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSettings:
    """Shape of the network; order of per-level values is fine to coarse (128, 64, 32, 16 px)."""

    size: int = 256  # px, side of the aligned face
    widths: tuple[int, int, int, int] = (32, 64, 128, 192)
    encoder_blocks: tuple[int, int, int] = (1, 2, 2)
    middle_blocks: int = 2  # at 16 px, before attention
    late_blocks: int = 2  # at 16 px, after attention
    decoder_blocks: tuple[int, int, int] = (1, 2, 2)
    heads: int = 6
    texture_widths: tuple[int, int] = (32, 64)  # 128, 64 px
    texture_blocks: tuple[int, int] = (2, 3)
    discriminator_width: int = 32


@dataclass(frozen=True)
class DataSettings:
    """Augmentation (standard deviations), degradation and the pool of clips."""

    angle: float = 4.0  # degrees
    zoom: float = 0.06  # of the logarithm
    shift: float = 0.018  # of the side
    bend: float = 0.025
    white_balance: float = 0.06
    exposure: float = 0.12
    gamma: float = 0.15
    monochrome: float = 0.06  # share of black-and-white faces
    strength: tuple[float, float] = (0.05, 0.95)
    clean_share: float = 0.04
    frames: int = 3  # a clip
    pool: int = 500  # clips, 0.8 MB each
    pool_start: int = 64
    uses_per_clip: float = 4.0
    makers: int = 1


@dataclass(frozen=True)
class TrainSettings:
    """Schedule, optimiser and loss weights of the three phases."""

    batch: int = 8  # pictures; small, because a CPU sees few of them
    rate: float = 5e-4  # steady phase; the cooldown goes from here to zero
    vector_rate: float = 5e-4  # biases, gates, maps, first and last layer (AdamW)
    momentum: float = 0.95
    decay: float = 0.01  # decoupled weight decay
    warm_up: int = 100  # steps after every fresh optimiser
    clip: float = 3.0  # bound of the gradient norm for the AdamW part
    average: float = 0.998  # of the weights; the averaged ones are evaluated and exported
    ssim_weight: float = 10.0  # beside a loss in decibel: 0.1 of SSIM counts as 1 dB
    edge_weight: float = 20.0
    floor: float = 1e-4  # mean squared error below which a picture is good enough (40 dB)
    consistency: float = 0.5  # cooldown only: weight of the frame-to-frame difference as a share of the error
    texture_rate: float = 2e-3  # starts from nothing and has little time
    texture_vector_rate: float = 1e-3
    discriminator_rate: float = 4e-4
    adversarial: float = 0.05
    texture_pixel: float = 1.0  # keeps the sharpened face at the truth in the mean
    texture_features: float = 1.0  # distance in the discriminator's features
    texture_consistency: float = 1.0
    checkpoint_minutes: float = 5.0
    validate_minutes: float = 10.0
    validation_seed: int = 20
    validation_strength: float = 0.6
