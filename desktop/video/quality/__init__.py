"""What can be measured of a picture or a clip: pure functions on numpy arrays, each with its source.

Pictures are RGB uint8 [h, w, 3] unless said otherwise; points are (x, y) in px.
"""

from desktop.video.quality.landmarks import eye_distance, landmark_drift, landmark_jitter, tlme
from desktop.video.quality.motion import (
    Motion,
    find_motion,
    luminance_flicker,
    warp,
    warping_error,
    warping_errors,
)
from desktop.video.quality.naturalness import Naturalness, load_naturalness
from desktop.video.quality.reference import luma, psnr, ssim
from desktop.video.quality.sharpness import sharpness

__all__ = [
    "Motion",
    "Naturalness",
    "eye_distance",
    "find_motion",
    "landmark_drift",
    "landmark_jitter",
    "load_naturalness",
    "luma",
    "luminance_flicker",
    "psnr",
    "sharpness",
    "ssim",
    "tlme",
    "warp",
    "warping_error",
    "warping_errors",
]
