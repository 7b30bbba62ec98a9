"""Frozen numbers of the method, each with its source."""

STEPS_PER_QUARTER = 4  # paper 3.1: 16 quantised steps a 4/4 measure
STEPS_PER_BAR = 16  # paper 3.1
BARS_PER_PHRASE = 2  # paper 3.1: the 2-bar melody MusicVAE
PHRASE_STEPS = STEPS_PER_BAR * BARS_PER_PHRASE  # 32 tokens a phrase
PIECE_PHRASES = 32  # paper 3.1: k = 32 latents a piece, 64 bars

NO_EVENT = 0  # a hold or a rest goes on (Magenta's MELODY_NO_EVENT)
NOTE_OFF = 1  # the sounding note ends (Magenta's MELODY_NOTE_OFF)
FIRST_ONSET = 2  # token of the lowest pitch
MIN_PITCH = 21  # A0, the lowest piano key (MusicVAE `cat-mel_2bar_big`)
MAX_PITCH = 108  # C8, the highest piano key
PITCH_OFFSET = MIN_PITCH - FIRST_ONSET  # pitch = token + 19
NUM_TOKENS = FIRST_ONSET + MAX_PITCH - MIN_PITCH + 1  # 90 classes

MOST_TEMPERATURE = 100  # of decoding; from there on tokens are as good as drawn by lot

LATENT_DIM = 512  # z of `cat-mel_2bar_big`
# Dimensions of `cat-mel_2bar_big` whose mean posterior standard deviation over the Lakh training set is below 1.0
# (paper, appendix C; the list is the released code's).
MAGENTA_KEPT_DIMS = (
    12, 14, 24, 36, 41, 62, 73, 135, 154, 156, 167, 175, 177, 182, 187, 199, 202, 211, 216, 226, 245,
    248, 262, 266, 270, 283, 294, 298, 345, 367, 370, 371, 377, 384, 387, 458, 471, 473, 476, 480, 482, 483,
)  # fmt: skip
NUM_KEPT_DIMS = len(MAGENTA_KEPT_DIMS)  # 42 channels of the denoiser
