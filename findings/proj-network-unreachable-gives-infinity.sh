#!/usr/bin/env bash
# PROJ with its network on, where the network cannot be reached, gives infinity for points that it transforms with the network off.
#
# With PROJ_NETWORK=ON a grid that could be fetched counts as available and wins; EPSG:27572 (NTF, Lambert II) to EPSG:2154 has a way
# without a grid, accurate to 3 m. One would expect that way as the fallback, or an error. Seen: (inf, inf), without a word;
# `to_crs` of geopandas makes points of it, of which `is_valid` alone says that something is wrong. The address below refuses every connection, as a firewall would.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q pyproj==3.7.2 geopandas==1.2.0
cd "$folder"
cat > transform.py <<'PY'
import json

import geopandas as gpd
import pyproj

x, y = pyproj.Transformer.from_crs(27572, 2154, always_xy=True).transform(600_000, 2_200_000)
frame = gpd.GeoSeries.from_xy([600_000], [2_200_000], crs=27572).to_crs(2154)
print(json.dumps([str(round(x)) if abs(x) < 1e9 else str(x), bool(frame.is_valid[0]), str(frame.x[0]) == "inf"]))
PY
export PROJ_NETWORK_ENDPOINT=http://127.0.0.1:9 PROJ_USER_WRITABLE_DIRECTORY="$folder/cache"
"$folder/env/bin/python" -c "import geopandas, pyproj; print(f'geopandas {geopandas.__version__}, pyproj {pyproj.__version__}, PROJ {pyproj.proj_version_str}')"
off=$(PROJ_NETWORK=OFF "$folder/env/bin/python" transform.py)
on=$(PROJ_NETWORK=ON "$folder/env/bin/python" transform.py)
echo "network off (x, valid, infinite): $off"
echo "network on, out of reach:         $on"
[ "$off" = '["649399", true, false]' ] || { echo "this has changed"; exit 1; }
[ "$on" = '["inf", false, true]' ] || { echo "this has changed"; exit 1; }
