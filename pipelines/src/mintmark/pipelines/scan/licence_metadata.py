"""What a distribution's own metadata say of its licence: an SPDX expression, or nothing that can be relied on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mintmark.pipelines.scan.spdx import canonical_expression

UNKNOWN = "unknown"
MAX_FIELD = 100  # a longer `License` is the licence's text, which nobody has compared with anything


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedLicence:
    """`expression` is canonical SPDX or `unknown`; `origin` names the fields that it was made from."""

    expression: str
    origin: str


def stated_licence(metadata: bytes) -> StatedLicence:
    """
    Read METADATA: `License-Expression` (PEP 639) where there is one, else `License` and the classifiers together.

    Where these name several licences, all of them are taken to apply: metadata of that age cannot say "or".
    """
    from packaging.metadata import parse_email

    fields, unparsed = parse_email(metadata)
    if "license-expression" in unparsed or "license" in unparsed or "classifier" in unparsed:
        return StatedLicence(expression=UNKNOWN, origin="unreadable metadata")
    if "license_expression" in fields:
        return StatedLicence(
            expression=canonical_expression(fields["license_expression"].strip()) or UNKNOWN,
            origin="License-Expression",
        )
    field = _of_field(fields.get("license", ""))
    classified = [text for text in fields.get("classifiers", []) if text.startswith("License ::")]
    named = {_of_classifier(text) for text in classified if text not in _SAYS_NOTHING}
    if None in named:
        return StatedLicence(expression=UNKNOWN, origin="a classifier that is not known")
    expressions = [*([field] if field else []), *sorted(text for text in named if text and not _covers(field, text))]
    origin = " and ".join([*(["License"] if field else []), *(["classifiers"] if named else [])])
    if not expressions:
        return StatedLicence(expression=UNKNOWN, origin=origin or "no licence in the metadata")
    return StatedLicence(expression=_all_of(expressions) or UNKNOWN, origin=origin)


def _all_of(expressions: Iterable[str]) -> str | None:
    parts = [f"({text})" if " OR " in text else text for text in expressions]
    return canonical_expression(" AND ".join(parts))


def _of_field(text: str) -> str | None:
    plain = re.sub(r"[\s,]+", " ", text).strip()
    if not plain or "\n" in text.strip() or len(plain) > MAX_FIELD:
        return None
    return FIELDS.get(plain.lower()) or canonical_expression(plain)


def _of_classifier(text: str) -> str | None:
    return CLASSIFIERS.get(text.rpartition(" :: ")[2])


def _covers(field: str | None, classified: str) -> bool:
    """The classifier is one of the family that the field names more exactly."""
    if field is None:
        return False
    family = _FAMILIES.get(classified, re.escape(classified))
    return re.search(rf"(?<![\w.-]){family}(?![\w.-])", field) is not None


_SAYS_NOTHING = {"License :: OSI Approved", "License :: DFSG approved", "License :: Freely Distributable"}
_FAMILIES = {
    "LicenseRef-BSD": r"(?:0BSD|BSD-[\w-]+|LicenseRef-BSD)",
    "LicenseRef-GPL": r"GPL-[\w.-]+",
    "LicenseRef-LGPL": r"LGPL-[\w.-]+",
    "PSF-2.0": r"(?:PSF-2\.0|Python-2\.0(?:\.1)?|CNRI-Python)",
}
FIELDS = {
    "mit license": "MIT",
    "the mit license": "MIT",
    "mit licence": "MIT",
    "the mit license (mit)": "MIT",
    "expat": "MIT",
    "apache 2.0": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache2": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license v2.0": "Apache-2.0",
    "apache-2": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache software license 2.0": "Apache-2.0",
    "bsd": "LicenseRef-BSD",
    "bsd license": "LicenseRef-BSD",
    "bsd-like": "LicenseRef-BSD",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "3-clause bsd": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd-3": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "bsd 2-clause license": "BSD-2-Clause",
    "2-clause bsd": "BSD-2-Clause",
    "isc license": "ISC",
    "psf": "PSF-2.0",
    "psfl": "PSF-2.0",
    "psf license": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "mpl 2.0": "MPL-2.0",
    "mozilla public license 2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "the unlicense": "Unlicense",
    "zlib license": "Zlib",
    "gpl": "LicenseRef-GPL",
    "gplv2": "GPL-2.0-only",
    "gplv2+": "GPL-2.0-or-later",
    "gplv3": "GPL-3.0-only",
    "gplv3+": "GPL-3.0-or-later",
    "gnu gplv3": "GPL-3.0-only",
    "lgpl": "LicenseRef-LGPL",
    "lgplv3": "LGPL-3.0-only",
    "lgplv3+": "LGPL-3.0-or-later",
    "agplv3": "AGPL-3.0-only",
    "agplv3+": "AGPL-3.0-or-later",
    "agpl": "AGPL-3.0-or-later",
    "proprietary": "LicenseRef-Proprietary",
    "public domain": "LicenseRef-Public-Domain",
}
CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "LicenseRef-BSD",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "CNRI Python License": "CNRI-Python",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Public Domain": "LicenseRef-Public-Domain",
    "Other/Proprietary License": "LicenseRef-Proprietary",
    "Zope Public License": "LicenseRef-ZPL",
    "GNU General Public License (GPL)": "LicenseRef-GPL",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LicenseRef-LGPL",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
}
