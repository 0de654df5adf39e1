"""
Brain regions and hemispheres, as people spell them.

A table of the structures that depth electrodes reach in patients: Desikan-Killiany cortical names, subcortical
structures, hippocampal subfields, cingulate and orbitofrontal parts, with their usual abbreviations. `parse_location`
reads texts such as ``Left Hippocampus``, ``hippocampus_right``, ``LAH``, ``dACC`` or ``LHIP3``, and gives no side to
names such as ``LOFC``, whose letter may be a part of them.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nwb_spikeinference.errors import MontageError

Hemisphere = Literal["left", "right", "midline"]
HEMISPHERE_LETTER: dict[Hemisphere, str] = {"left": "L", "right": "R", "midline": "M"}

# Canonical name: spellings, all lower case, without spaces or punctuation.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "hippocampus": (
        "hippocampus", "hippocampal", "hip", "hipp", "hpc", "hippo", "h", "ah", "mh", "ph", "hh", "hb", "ht", "hc",
        "anteriorhippocampus", "middlehippocampus", "posteriorhippocampus", "hippocampushead", "hippocampusbody",
        "hippocampustail", "hippocampalhead", "hippocampalbody", "hippocampaltail", "ca1", "ca2", "ca3", "ca4", "dg",
        "dentategyrus", "subiculum", "sub", "presubiculum", "parasubiculum", "molecularlayer", "antehip", "posthip",
    ),
    "amygdala": (
        "amygdala", "amy", "amyg", "a", "am", "la", "bla", "basolateralamygdala", "lateralnucleus", "basalnucleus",
        "centralnucleus", "accessorybasalnucleus",
    ),
    "orbitofrontal": (
        "orbitofrontal", "orbitofrontalcortex", "ofc", "of", "or", "mofc", "lofc", "mof", "lof", "medialorbitofrontal",
        "lateralorbitofrontal", "medialorbitofrontalcortex", "lateralorbitofrontalcortex", "orbital", "orbitalgyrus",
        "orbitofrontalgyrus", "gyrusrectus", "rectalgyrus", "rectus",
    ),
    "anterior cingulate": (
        "anteriorcingulate", "anteriorcingulatecortex", "acc", "dacc", "sgacc", "pgacc", "vacc", "racc", "cacc",
        "ac", "rac", "cac",
        "rostralanteriorcingulate", "caudalanteriorcingulate", "dorsalanteriorcingulate",
        "dorsalanteriorcingulatecortex", "rostralanteriorcingulatecortex", "cingulateanterior",
    ),
    "posterior cingulate": (
        "posteriorcingulate", "posteriorcingulatecortex", "pcc", "isthmuscingulate", "isthmuscingulatecortex", "pc",
        "retrosplenial", "retrosplenialcortex", "rsc",
    ),
    "middle cingulate": ("middlecingulate", "midcingulate", "midcingulatecortex", "mcc", "mc"),
    "entorhinal": ("entorhinal", "entorhinalcortex", "ec", "erc", "ent", "lec", "mec", "lerc", "merc"),
    "perirhinal": ("perirhinal", "perirhinalcortex", "prc"),
    "parahippocampal": (
        "parahippocampal", "parahippocampalgyrus", "parahippocampalcortex", "parahippocampus", "phg", "phc", "pg",
    ),
    "fusiform": ("fusiform", "fusiformgyrus", "ffg", "fus"),
    "insula": ("insula", "insularcortex", "insulargyrus", "ins", "anteriorinsula", "posteriorinsula", "ai", "pi"),
    "medial frontal": (
        "medialfrontal", "presma", "presupplementarymotorarea", "sma", "supplementarymotorarea", "vmpfc",
        "ventromedialprefrontalcortex", "ventralmedialprefrontalcortex", "mpfc", "medialprefrontalcortex", "dmpfc",
        "rmpfc", "dorsomedialprefrontalcortex", "medialfrontalcortex",
    ),
    "superior frontal": ("superiorfrontal", "superiorfrontalgyrus", "sfg"),
    "middle frontal": (
        "middlefrontal", "middlefrontalgyrus", "mfg", "rmfg", "cmfg", "rostralmiddlefrontal", "caudalmiddlefrontal",
        "dlpfc", "dorsolateralprefrontalcortex",
    ),
    "inferior frontal": (
        "inferiorfrontal", "inferiorfrontalgyrus", "ifg", "parsopercularis", "parstriangularis", "parsorbitalis",
        "vlpfc",
    ),
    "frontal pole": ("frontalpole", "fp"),
    "precentral": ("precentral", "precentralgyrus", "m1", "motorcortex", "primarymotorcortex"),
    "postcentral": ("postcentral", "postcentralgyrus", "s1", "somatosensorycortex"),
    "paracentral": ("paracentral", "paracentrallobule", "pcl"),
    "superior temporal": (
        "superiortemporal", "superiortemporalgyrus", "stg", "bankssts", "sts", "transversetemporal", "heschl",
        "superiortemporalsulcus", "posteriorsuperiortemporalsulcus", "psts",
    ),
    "middle temporal": ("middletemporal", "middletemporalgyrus", "mtg", "mt"),
    "inferior temporal": ("inferiortemporal", "inferiortemporalgyrus", "itg"),
    "temporal pole": ("temporalpole", "tp"),
    "superior parietal": ("superiorparietal", "superiorparietallobule", "spl"),
    "inferior parietal": ("inferiorparietal", "inferiorparietallobule", "ipl", "angulargyrus"),
    "supramarginal": ("supramarginal", "supramarginalgyrus", "smg"),
    "precuneus": ("precuneus", "pcu", "pcun"),
    "cuneus": ("cuneus",),
    "lingual": ("lingual", "lingualgyrus"),
    "pericalcarine": ("pericalcarine", "v1", "calcarine", "primaryvisualcortex"),
    "lateral occipital": ("lateraloccipital", "lateraloccipitalcortex", "occipital"),
    "thalamus": ("thalamus", "tha", "thal", "pulvinar", "anteriorthalamus", "ant"),
    "caudate": ("caudate", "caudatenucleus", "cau", "ventralcaudate", "dorsalcaudate"),
    "putamen": ("putamen", "put"),
    "pallidum": ("pallidum", "globuspallidus", "gpi", "gpe"),
    "accumbens": ("accumbens", "nucleusaccumbens", "nac", "nacc"),
    "subthalamic nucleus": ("subthalamicnucleus", "stn"),
    "substantia nigra": ("substantianigra", "sn", "snr", "snc"),
    "hypothalamus": ("hypothalamus",),
    "claustrum": ("claustrum", "clau"),
    "piriform": ("piriform", "piriformcortex", "pir"),
    "white matter": ("whitematter", "wm"),
}  # fmt: skip
_CANONICAL = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}

_SIDE_WORDS: dict[str, Hemisphere] = {
    "left": "left", "l": "left", "lh": "left", "lt": "left",
    "right": "right", "r": "right", "rh": "right", "rt": "right",
    "midline": "midline", "m": "midline", "bilateral": "midline",
}  # fmt: skip
# Names with a letter that may be a side or a part of them: lateral, rostral, lobe, lobule, reticulata.
_AMBIGUOUS = frozenset(
    ["la", "lof", "lofc", "lec", "lerc", "lpc", "lhb", "rac", "racc", "rmfg", "rmpfc", "lfp", "mtl", "pcl", "snr"]
)
_AMBIGUOUS_WIRES = frozenset({"lfp", "mtl", "pcl", "snr"})  # of these even with a wire's number
_NO_REGION = frozenset({"lpc", "lhb", "lfp", "mtl", "mpc", "mhb"})  # unless the letter is a side: no structure of ours
_SIDED_LABELS = (
    r"(?P<side>[lr])(?P<name>[a-z]+?)\d*",  # LHIP3
    r"[mu](?P<side>[lr])(?P<name>[a-z]+?)\d*",  # of microwires: mLAH3, uLAH3
    r"[mu]?(?P<name>[a-z]{2,}?)(?P<side>[lr])\d*",  # AHL3
    r"[mu]?(?P<name>[ah])(?P<side>[lr])\d+",  # AL3; without a number that may be another structure
)
_SIDE_NAMES = {"lh", "rh"}  # alone: hemispheres; with a wire's number, the hippocampus
_MEDIAL = re.compile(r"m(?P<name>[a-z]+?)\d*")  # medial, middle or micro: MACC; no depth electrode is on the midline
_OTHER_SIDE = {"l": "r", "r": "l"}
_HEADSTAGE = re.compile(r"G[A-D]\d", re.IGNORECASE)
_PHRASE_LETTERS = 3  # fewer, with words behind them, are as likely part of another name


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A structure, its side, and the wire number when the text carried one."""

    region: str | None
    hemisphere: Hemisphere | None
    wire: int | None = None
    side_by_letter: bool = field(default=False, repr=False)  # of a name in one word, as in LHIP3
    ambiguous: str | None = field(default=None, repr=False)  # name with a letter that may be a side: LOFC

    @property
    def text(self) -> str:
        """Full structure name with side, e.g. ``left hippocampus``."""
        return name_place(self.region, self.hemisphere)


def name_place(region: str | None, hemisphere: str | None) -> str:
    """Side and structure, e.g. ``left hippocampus``; empty if neither is known."""
    return " ".join(part for part in (hemisphere, region) if part)


def known_regions() -> tuple[str, ...]:
    """Canonical region names, in the table's order."""
    return tuple(_SPELLINGS)


def _squeeze(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def canonical_region(text: str, extra: Mapping[str, str] | None = None) -> str:
    """
    The canonical name of a region.

    Parameters
    ----------
    text : str
        Any spelling of the table, without a side.
    extra : mapping, optional
        The user's own spellings: written form -> canonical or new name.

    Raises
    ------
    MontageError
        If nobody knows the region; the message suggests the nearest spellings.
    """
    own = {_squeeze(written): name for written, name in (extra or {}).items()}
    key = _squeeze(text)
    if key in own:
        return own[key]
    if key in _CANONICAL:
        return _CANONICAL[key]
    names = [*known_regions(), *own.values()]
    near = difflib.get_close_matches(text.lower(), [*names, *_CANONICAL], n=3, cutoff=0.6)
    near_names = list(dict.fromkeys(_CANONICAL.get(word, word) for word in near)) or list(known_regions()[:4])
    raise MontageError(
        f"region {text!r} is unknown; did you mean {' or '.join(repr(name) for name in near_names)}? "
        f"Other structures can be named under 'regions:'"
    )


def parse_hemisphere(text: str) -> Hemisphere | None:
    """The side that a word such as ``L``, ``lh`` or ``Right`` names, or None."""
    return _SIDE_WORDS.get(_squeeze(text))


def find_side_letters(texts: Iterable[str]) -> frozenset[str]:
    """
    Ambiguous names that also occur with the other side's letter: of ``LOFC`` and ``ROFC``, L and R are sides.

    Examples
    --------
    >>> find_side_letters(["LOFC1", "ROFC1", "rACC"])
    frozenset({'lofc'})
    """
    names = {re.sub(r"\d+$", "", _squeeze("".join(_split_words(text)))) for text in texts}
    return frozenset(name for name in _AMBIGUOUS & names if _opposite(name) in names)


def _opposite(name: str) -> str:
    first, last = name[0], name[-1]
    return _OTHER_SIDE[first] + name[1:] if first in _OTHER_SIDE else name[:-1] + _OTHER_SIDE[last]


def parse_location(
    text: str | bytes, extra: Mapping[str, str] | None = None, side_letters: Collection[str] = ()
) -> Location:
    """
    Read region, side and wire from a location text or an electrode label.

    Unknown regions give ``region=None``: files written by others are described, not refused.

    Parameters
    ----------
    extra : mapping, optional
        The user's own spellings: written form -> canonical or new name.
    side_letters : collection of str, optional
        Ambiguous names whose letter is a side, as `find_side_letters` found them in the same table.

    Examples
    --------
    >>> parse_location("Left Hippocampus").text
    'left hippocampus'
    >>> parse_location("LHIP3")
    Location(region='hippocampus', hemisphere='left', wire=3)
    >>> parse_location("dACC").region
    'anterior cingulate'
    >>> parse_location("LOFC")  # lateral or left
    Location(region='orbitofrontal', hemisphere=None, wire=None)
    >>> parse_location("LOFC", side_letters={"lofc"}).hemisphere
    'left'
    >>> parse_location("Hipp, Right Hippocampus cHipp, caudal hippocampus").text
    'right hippocampus'
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    own = {_squeeze(written): name for written, name in (extra or {}).items()}
    whole = _read_words(text, own, side_letters)
    if whole.region is not None:
        return whole
    parts = [_read_phrase(part, own) for part in re.split(r"[,;]", text)]
    region = next((part.region for part in parts if part.region), None)
    return Location(
        region=region,
        hemisphere=whole.hemisphere or next((part.hemisphere for part in parts if part.hemisphere), None),
        wire=None if region else whole.wire,
        ambiguous=None if region else whole.ambiguous,
    )


def _split_words(text: str) -> list[str]:
    words = [word for word in re.split(r"[\s_\-.,;:/()]+", text.strip()) if word]
    if len(words) > 1 and (words[0].lower() == "ctx" or _HEADSTAGE.fullmatch(words[0])):
        del words[0]  # FreeSurfer's prefix, as in ctx-lh-superiorfrontal, or the amplifier's, as in GA1-RAH3
    return words


def _read_words(text: str, own: Mapping[str, str], side_letters: Collection[str]) -> Location:
    """A text that names a place and nothing else."""
    words = _split_words(text)
    last = -2 if len(words) > 2 and words[-1].isdigit() else -1  # a wire may follow the side
    hemisphere: Hemisphere | None = None
    for position in (0, last):
        if len(words) > 1 and hemisphere is None:
            hemisphere = parse_hemisphere(words[position])
            if hemisphere is not None:
                del words[position]
    squeezed = _squeeze("".join(words))
    if squeezed in own:
        return Location(region=own[squeezed], hemisphere=hemisphere)
    if hemisphere is None and squeezed in _SIDE_NAMES:
        return Location(region=None, hemisphere=_SIDE_WORDS[squeezed])
    if hemisphere is None and re.sub(r"\d+$", "", squeezed) in _AMBIGUOUS:
        return _read_ambiguous(squeezed, own, side_letters)
    region = _lookup(squeezed, own)
    if region is not None:
        return Location(region=region, hemisphere=hemisphere)
    return _read_label(squeezed, hemisphere, own)


def _read_ambiguous(squeezed: str, own: Mapping[str, str], side_letters: Collection[str]) -> Location:
    """A side where the table shows it or, as in LOFC3, a wire's number follows; else the name without one."""
    name = re.sub(r"\d+$", "", squeezed)
    wire = int(squeezed.removeprefix(name)) if name != squeezed else None
    if name in side_letters or (wire is not None and name not in _AMBIGUOUS_WIRES):
        return replace(_read_label(squeezed, None, own), ambiguous=name)
    return Location(region=_lookup(name, own), hemisphere=None, wire=wire, ambiguous=name)


def _read_label(squeezed: str, hemisphere: Hemisphere | None, own: Mapping[str, str]) -> Location:
    """The name of a wire: side, place and number in one word."""
    plain = re.fullmatch(r"([a-z]+?)(\d+)?", squeezed)
    if plain is None:
        return Location(region=None, hemisphere=hemisphere)
    wire = int(plain[2]) if plain[2] else None
    for pattern in _SIDED_LABELS if hemisphere is None else ():
        label = re.fullmatch(pattern, squeezed)
        region = _lookup(label["name"], own) if label else None
        if label is not None and region is not None:
            return Location(region=region, hemisphere=_SIDE_WORDS[label["side"]], wire=wire, side_by_letter=True)
    region = _lookup(plain[1], own)
    medial = _MEDIAL.fullmatch(squeezed)
    if region is None and medial and plain[1] not in _NO_REGION:
        region = _lookup(medial["name"], own)
    return Location(region=region, hemisphere=hemisphere, wire=wire)


def _read_phrase(text: str, own: Mapping[str, str]) -> Location:
    """A place with more words behind it, as atlases name their parcels: ``Right Hippocampus cHipp``."""
    words = _split_words(text)
    hemisphere = parse_hemisphere(words[0]) if words else None
    if hemisphere is not None:
        del words[0]
    for length in range(len(words), 0, -1):
        name = _squeeze("".join(words[:length]))
        region = _lookup(name, own) if len(name) >= _PHRASE_LETTERS else None
        if region is not None:
            return Location(region=region, hemisphere=hemisphere)
    return Location(region=None, hemisphere=hemisphere)


def _lookup(squeezed: str, own: Mapping[str, str]) -> str | None:
    return own.get(squeezed) or _CANONICAL.get(squeezed)
