"""Advice: will voting help on these questions, with which members, and at what price?"""

from bestofinf.advice.advise import Advice, advise
from bestofinf.advice.strategies import PRESET_NAMES, Contender, HeldOutResult

__all__ = ["PRESET_NAMES", "Advice", "Contender", "HeldOutResult", "advise"]
