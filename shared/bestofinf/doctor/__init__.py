"""What a server that speaks OpenAI's form can do, found out by asking it.

`examination` asks, one probe after the other, within a minute and a few hundred tokens; each probe
fails alone, and says what came. `prescription` turns what was found into a member for each face.
"""

from bestofinf.doctor.examination import Report, examine
from bestofinf.doctor.probes import Finding

__all__ = ["Finding", "Report", "examine"]
