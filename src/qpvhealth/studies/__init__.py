"""Questions asked of published releases: comparisons, figures held against others, plans, workbooks for the field."""
