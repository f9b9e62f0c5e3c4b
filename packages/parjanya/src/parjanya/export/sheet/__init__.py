"""The contact sheet: one folder that opens in any browser, without a server and without a network."""

from parjanya.export.sheet.writer import SheetMeta, write_sheet

__all__ = ["SheetMeta", "write_sheet"]
