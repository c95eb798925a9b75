"""From geometry to relations: projection per territory, repair, join, overlay. Metres exist nowhere else."""
