"""A batch job: the questions of a file, one budget, and a store that makes it resumable.

`tables` reads the questions and writes the answers, `journal` keeps every sample in an evaluation
store, `crew` asks the members and journals what they say, `on_ray` does so on a Ray cluster, and
`run` puts them together.
"""

from bestofinf.job.crew import Ask, Crew, LocalCrew
from bestofinf.job.journal import Journal
from bestofinf.job.run import Job, JobReport, Progress, arun_job
from bestofinf.job.tables import JobQuestion, QuestionFile

__all__ = [
    "Ask",
    "Crew",
    "Job",
    "JobQuestion",
    "JobReport",
    "Journal",
    "LocalCrew",
    "Progress",
    "QuestionFile",
    "arun_job",
]
