"""Settings of which some cannot work: all that is wrong, and what is left.

The server stops at the first fault. Somebody who mends an installation wants
to see all of them, and what else is wrong meanwhile. So whatever is at fault is
taken out together with its area, because half of an area would be checked
against the defaults of the other half: with EMAIL_PORT wrong, whether port 587
answers says nothing. What remains goes through the same rules as ever.
"""

from pathlib import Path
from typing import Any

from authserver import setting_sources, setting_values
from authserver.checks import Patient
from authserver.settings import Settings, SettingsError, gather

# Settings that make sense only together, by the first word of their names.
AREAS = {
    "host": "address",
    "port": "address",
    "public": "address",
    "tls": "address",
    "trusted": "address",
    "email": "email",
    "twilio": "sms",
    "sms": "sms",
}


def area_of(name: str) -> str:
    """Return the area of a setting: its own name if it stands alone."""
    return AREAS.get(name.partition("_")[0], name)


def admit(dotenv: Path, *, now: int) -> Patient:
    """Read the settings of this folder, as far as they can be read."""
    faults: list[SettingsError] = []
    try:
        variables, warnings = gather(dotenv=dotenv)
    except SettingsError as error:
        faults.append(error)
        variables, warnings = gather()
    values = _readable(variables, faults)
    while True:
        unclear = {area_of(fault.name) for fault in faults}
        values = {name: values[name] for name in values if area_of(name) not in unclear}
        try:
            settings = Settings(**values, warnings=tuple(warnings))
        except SettingsError as error:
            # A rule between areas: then none of them is beyond doubt.
            values = {} if area_of(error.name) in unclear else values
            faults.append(error)
        else:
            return Patient(settings, tuple(faults), frozenset(unclear), variables, now)


def _readable(variables: dict[str, str], faults: list[SettingsError]) -> dict[str, Any]:
    """Return the texts that each alone can be read; add the others' faults."""
    values: dict[str, Any] = {}
    for name, declared in Settings.declared().items():
        try:
            text = setting_sources.look_up(
                variables, name.upper(), secret=declared.secret
            )
            if text is not None:
                declared.read(text)
                values[name] = text
        except setting_values.BadValue as error:
            faults.append(SettingsError(name, str(error)))
        except SettingsError as error:
            faults.append(error)
    return values
