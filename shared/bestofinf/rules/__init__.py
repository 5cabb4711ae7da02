"""Stopping rules: from a tally alone, whether to stop and why."""

from bestofinf.rules.base import AllOf, AnyOf, StopRule, Verdict
from bestofinf.rules.budgets import FixedSamples, MaxCost, MaxSamples, MaxSeconds, MaxTokens
from bestofinf.rules.certified import CertifiedMajority
from bestofinf.rules.consistency import AdaptiveConsistency, Doubling, PValue, UnanimousWindow
from bestofinf.rules.controller import BudgetController
from bestofinf.rules.lead import AheadBy, FirstTo
from bestofinf.rules.mass import ProbabilityMass
from bestofinf.rules.optimal import OptimalStopping
from bestofinf.rules.optscale import OptScale
from bestofinf.rules.parse import RULES, parse_rule
from bestofinf.rules.posterior import BestOfInfinity, p_leader_is_mode

__all__ = [
    "RULES",
    "AdaptiveConsistency",
    "AheadBy",
    "AllOf",
    "AnyOf",
    "BestOfInfinity",
    "BudgetController",
    "CertifiedMajority",
    "Doubling",
    "FirstTo",
    "FixedSamples",
    "MaxCost",
    "MaxSamples",
    "MaxSeconds",
    "MaxTokens",
    "OptScale",
    "OptimalStopping",
    "PValue",
    "ProbabilityMass",
    "StopRule",
    "UnanimousWindow",
    "Verdict",
    "p_leader_is_mode",
    "parse_rule",
]
