"""The workbook that an ARS or a prefect fills: its QPV, the structures near them, and the cells to answer in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pandas as pd
import xlsxwriter

from qpvhealth.publish.rendering import INVENTED, plain
from qpvhealth.publish.selection import titles_of
from qpvhealth.publish.workbook import CREATED, OPTIONS, write_cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

ANSWERS, QUARTERS, FORM = "Réponses", "Quartiers", "Formulaire"
ANSWER_COLUMNS, QUARTER_COLUMNS = titles_of("return-answers"), titles_of("return-quarters")
TO_FILL = ("vecu", "qpv", "comment")
HELP = (
    "Répondre oui ou non dans la colonne « Quartier vécu » ; laisser vide ce qui n'est pas connu.",
    "Indiquer le ou les codes QPV desservis, séparés par des virgules ; à défaut, le plus proche est retenu.",
    "Une structure absente de la liste peut être ajoutée à la fin, avec son numéro FINESS.",
)
_WIDTHS = (14, 34, 10, 12, 18, 12, 24, 22, 20, 40)


def template(
    structures: pd.DataFrame, quarters: pd.DataFrame, form: Mapping[str, str], deadline: date, *, invented: bool = False
) -> bytes:
    """Write the workbook of one area: a sheet to answer in, the QPV of the area, and the form (area, vintage, date, answered on).

    ``form``: zone, millésime and génération, read back with the answers. The same rows give the same bytes.
    """
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, OPTIONS) as book:
        book.set_properties({"created": CREATED})
        bold, fill = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"bg_color": "#FFF2CC"})
        answers = book.add_worksheet(ANSWERS)
        _table(answers, structures.reindex(columns=[*ANSWER_COLUMNS]), [*ANSWER_COLUMNS.values()], bold)
        first = list(ANSWER_COLUMNS).index(TO_FILL[0])
        for at, width in enumerate(_WIDTHS):
            answers.set_column(at, at, width, fill if at >= first else None)
        if n := len(structures):
            choice = {"validate": "list", "source": ["oui", "non"], "ignore_blank": True}
            answers.data_validation(1, first, n, first, choice)
        _table(book.add_worksheet(QUARTERS), quarters[[*QUARTER_COLUMNS]], [*QUARTER_COLUMNS.values()], bold)
        lines = {**form, "Échéance": f"{deadline:%Y-%m-%d}", "Répondu le": "", "Répondu par": ""}
        lines |= {"Avertissement": INVENTED} if invented else {}
        sheet = book.add_worksheet(FORM)
        _table(sheet, pd.DataFrame({"Champ": [*lines], "Valeur": [*lines.values()]}), ["Champ", "Valeur"], bold)
        for at, line in enumerate(HELP, start=len(lines) + 2):
            sheet.write_string(at, 3, line)
    return content.getvalue()


def _table(sheet: Any, frame: pd.DataFrame, titles: list[str], bold: Any) -> None:  # noqa: ANN401
    for at, (title, name) in enumerate(zip(titles, frame.columns, strict=True)):
        sheet.write_string(0, at, title, bold)
        for row, value in enumerate(plain(frame[name]), start=1):
            write_cell(sheet, (row, at), round(value, 1) if isinstance(value, float) else value)
    sheet.freeze_panes(1, 0)
