"""Find out what an OpenAI-compatible server can do, by sending requests to it.

`examination` runs one probe after the other, within a minute and a few hundred tokens; if a probe
fails, it says why, and the others go on. `prescription` makes a member from the findings, for
LangChain, LlamaIndex and the configuration file.
"""

from bestofinf.doctor.examination import Report, examine
from bestofinf.doctor.probes import Finding

__all__ = ["Finding", "Report", "examine"]
