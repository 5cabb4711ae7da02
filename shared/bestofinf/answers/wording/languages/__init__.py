"""Languages whose words are known."""

from bestofinf.answers.wording.language import Language
from bestofinf.answers.wording.languages.de import GERMAN
from bestofinf.answers.wording.languages.en import ENGLISH
from bestofinf.answers.wording.languages.es import SPANISH
from bestofinf.answers.wording.languages.fr import FRENCH
from bestofinf.answers.wording.languages.ja import JAPANESE
from bestofinf.answers.wording.languages.zh import CHINESE

LANGUAGES: dict[str, Language] = {
    language.code: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH, CHINESE, JAPANESE)
}
