// The interactive map of the report: QPV and structures on a canvas, with a search and the facts of what is chosen.
// It reads the JSON beside it and asks for nothing; every text of the data is set with textContent. Numbers come as texts.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("live-data").textContent);
  const say = data.words;
  const part = (name) => document.getElementById(`live-${name}`);
  const canvas = part("canvas");
  const pen = canvas.getContext("2d");
  const INK = "#161616", GREY = "#6b6b6b", PAPER = "#ffffff", CHOSEN = "#000000";
  const SMALL = 7, REACH = 10, MAX_LISTED = 20, PAN = 80, EARTH_M = 40075016.686;

  // ---- Data: rows become objects, degrees become places on a square of side 1 (Web Mercator) ----
  const mercator = (lon, lat) => [
    (lon + 180) / 360,
    0.5 - Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) / (2 * Math.PI),
  ];
  const wordsOf = Object.fromEntries(Object.entries(data.codes).map(([column, pairs]) => [column, Object.fromEntries(pairs)]));
  const valueOf = (column, value) => (column in data.codes && value !== null ? data.codes[column][value][0] : value);
  const records = ({ columns, rows }) => rows.map((row) => Object.fromEntries(columns.map((c, k) => [c, valueOf(c, row[k])])));
  const degrees = (value) => String(value).replace(".", say.decimal);
  const ring = (steps) => { // whole steps of a small part of a degree, each from the corner before
    const corners = [];
    for (let k = 0, lon = 0, lat = 0; k < steps.length; k += 2) {
      lon += steps[k];
      lat += steps[k + 1];
      corners.push(mercator(lon * data.step, lat * data.step));
    }
    return corners;
  };
  const boxOf = (corners) => corners.reduce(
    ([w, n, e, s], [x, y]) => [Math.min(w, x), Math.min(n, y), Math.max(e, x), Math.max(s, y)],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
  const outlined = (rings) => {
    const lines = rings.map(ring);
    return { rings: lines, box: lines.length ? boxOf(lines.flat()) : null };
  };
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const ground = data.ground.map(outlined);
  const structures = records(data.structures).map((s) => ({
    ...s, kind: "structure", at: s.lon === null ? null : mercator(s.lon, s.lat),
    point: s.lon === null ? null : `${degrees(s.lon)} ; ${degrees(s.lat)}`,
    words: plain([s.code, s.name, s.city].join(" ")), by: {},
  }));
  const quarters = [];
  for (const { name } of data.generations) {
    records(data.locations[name]).forEach((location, k) => { structures[k].by[name] = location; });
    for (const q of records(data.quarters[name])) {
      quarters.push({ ...q, ...outlined(q.rings), kind: "quarter", generation: name, words: plain([q.code, q.name, q.communes].join(" ")) });
    }
  }
  const state = { x: 0.5, y: 0.35, scale: 4000, view: data.views[0].generation, paint: "coverage", chosen: null, far: false };
  const inView = (territory) => state.view ?? data.in_force[territory ?? "metropole"];
  const seen = (item) => item.kind === "structure" || inView(item.territory) === item.generation;
  const located = (s) => s.by[inView(s.territory)] ?? {};
  const items = () => [...structures, ...quarters.filter(seen)];
  const find = (code) => items().find((item) => item.code === code);

  // ---- Forms: each class has a colour and a texture, each structure a shape and a filling ----
  const TEXTURES = {
    solid: (p) => p.fillRect(0, 0, 8, 8),
    hatch: (p) => { for (const k of [-8, 0, 8]) { p.moveTo(k, 8); p.lineTo(k + 8, 0); } p.stroke(); },
    cross: (p) => { p.moveTo(0, 0); p.lineTo(8, 8); p.moveTo(8, 0); p.lineTo(0, 8); p.stroke(); },
    dots: (p) => p.fillRect(3, 3, 3, 3),
    blank: () => {},
  };
  const filled = {};
  const filling = ([colour, texture]) => (filled[colour + texture] ??= (() => {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const p = tile.getContext("2d");
    p.fillStyle = PAPER;
    p.fillRect(0, 0, 8, 8);
    p.fillStyle = p.strokeStyle = colour;
    p.lineWidth = 2;
    p.beginPath();
    TEXTURES[texture](p);
    return pen.createPattern(tile, "repeat");
  })());
  const formOf = (q) => data.forms[state.paint][q[state.paint]];
  const swatch = (p, x, y, half, form) => { // a QPV too small for its outline, and in the key
    p.beginPath();
    p.rect(x - half, y - half, 2 * half, 2 * half);
    p.fillStyle = form[1] === "solid" ? form[0] : PAPER;
    p.fill();
    p.lineWidth = 1.2;
    p.strokeStyle = p.fillStyle = form[0];
    if (form[1] === "hatch" || form[1] === "cross") { p.moveTo(x - half, y + half); p.lineTo(x + half, y - half); }
    if (form[1] === "cross") { p.moveTo(x - half, y - half); p.lineTo(x + half, y + half); }
    p.stroke();
    if (form[1] === "dots") p.fillRect(x - 1, y - 1, 2, 2);
  };
  const mark = (p, x, y, type, situation, size = 1) => {
    const r = (situation === "elsewhere" ? 3 : 5) * size;
    p.beginPath();
    if (type === "MSP") p.arc(x, y, r, 0, 2 * Math.PI);
    else { p.moveTo(x, y - r * 1.2); p.lineTo(x + r * 1.15, y + r * 0.9); p.lineTo(x - r * 1.15, y + r * 0.9); p.closePath(); }
    p.fillStyle = { in_qpv: INK, vecu_proxy: "#bdbdbd" }[situation] ?? PAPER;
    p.fill();
    p.strokeStyle = situation === "elsewhere" ? GREY : INK;
    p.lineWidth = (situation === "vecu_declared" ? 2.2 : 1.2) * size;
    p.setLineDash(situation === "undetermined" ? [2, 2] : []);
    p.stroke();
    p.setLineDash([]);
  };

  // ---- Drawing ----
  const ratio = () => window.devicePixelRatio || 1;
  const width = () => canvas.width / ratio(), height = () => canvas.height / ratio();
  const onScreen = ([x, y]) => [(x - state.x) * state.scale + width() / 2, (y - state.y) * state.scale + height() / 2];
  const metresPerPixel = () => (EARTH_M / Math.cosh(2 * Math.PI * (0.5 - state.y))) / state.scale;
  const trace = (rings) => {
    pen.beginPath();
    for (const line of rings) {
      line.forEach((corner, k) => pen[k ? "lineTo" : "moveTo"](...onScreen(corner)));
      pen.closePath();
    }
  };
  const boxOnScreen = ([w, n, e, s]) => [...onScreen([w, n]), ...onScreen([e, s])];
  const isNear = (box) => {
    const [left, top, right, bottom] = boxOnScreen(box);
    return right > -REACH && bottom > -REACH && left < width() + REACH && top < height() + REACH;
  };
  const isSmall = (box) => { const [left, top, right, bottom] = boxOnScreen(box); return Math.max(right - left, bottom - top) < SMALL; };
  const middle = (item) => item.at ?? (item.box && [(item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2]);
  const ORDER = ["elsewhere", "undetermined", "vecu_proxy", "vecu_declared", "in_qpv"];
  const isDrawn = (s) => s.at && (state.far || s === state.chosen || located(s).situation !== "elsewhere");

  let waiting = 0;
  const refresh = () => { waiting ||= requestAnimationFrame(draw); };
  const draw = () => {
    waiting = 0;
    pen.setTransform(ratio(), 0, 0, ratio(), 0, 0);
    const isClose = metresPerPixel() < 100; // outlines of départements are too coarse there
    pen.fillStyle = isClose ? PAPER : "#eef1f4";
    pen.fillRect(0, 0, width(), height());
    pen.lineJoin = "round";
    pen.strokeStyle = "#8a8a8a";
    pen.lineWidth = 0.7;
    for (const area of ground) {
      if (isClose || !isNear(area.box)) continue;
      trace(area.rings);
      pen.fillStyle = PAPER;
      pen.fill();
      pen.stroke();
    }
    let drawn = 0;
    for (const q of quarters) {
      if (!q.box || !seen(q) || !isNear(q.box)) continue;
      drawn += 1;
      if (isSmall(q.box)) { swatch(pen, ...onScreen(middle(q)), 3, formOf(q)); continue; }
      trace(q.rings);
      pen.fillStyle = filling(formOf(q));
      pen.globalAlpha = 0.75;
      pen.fill("evenodd");
      pen.globalAlpha = 1;
      pen.strokeStyle = formOf(q)[0];
      pen.lineWidth = 1.5;
      pen.stroke();
    }
    const shown = structures.filter((s) => isDrawn(s) && isNear([...s.at, ...s.at]));
    shown.sort((a, b) => ORDER.indexOf(located(a).situation) - ORDER.indexOf(located(b).situation));
    const size = metresPerPixel() > 250 ? 0.6 : 1;
    for (const s of shown) mark(pen, ...onScreen(s.at), s.type, located(s).situation, size);
    if (state.chosen && middle(state.chosen)) outlineChosen(state.chosen);
    if (canvas.matches(":focus-visible")) crosshair();
    scaleBar();
    canvas.dataset.drawn = drawn + shown.length;
  };
  const outlineChosen = (item) => {
    if (item.kind === "quarter" && !isSmall(item.box)) trace(item.rings);
    else { pen.beginPath(); pen.arc(...onScreen(middle(item)), 10, 0, 2 * Math.PI); }
    for (const [colour, thick] of [[PAPER, 6], [CHOSEN, 3]]) { pen.strokeStyle = colour; pen.lineWidth = thick; pen.stroke(); }
  };
  const crosshair = () => {
    const [x, y] = [width() / 2, height() / 2];
    pen.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { pen.moveTo(x + 4 * dx, y + 4 * dy); pen.lineTo(x + 16 * dx, y + 16 * dy); }
    for (const [colour, thick] of [[PAPER, 5], [CHOSEN, 2]]) { pen.strokeStyle = colour; pen.lineWidth = thick; pen.stroke(); }
  };
  const scaleBar = () => {
    const most = 120 * metresPerPixel(), power = 10 ** Math.floor(Math.log10(most));
    const metres = [5, 2, 1].map((k) => k * power).find((m) => m <= most);
    const long = metres / metresPerPixel(), [x, y] = [12, height() - 12];
    pen.font = "12px sans-serif";
    pen.lineJoin = "round";
    const words = metres < 1000 ? `${metres} m` : `${metres / 1000} km`;
    pen.strokeStyle = PAPER;
    pen.lineWidth = 4;
    pen.strokeText(words, x + 4, y - 6);
    pen.strokeStyle = pen.fillStyle = INK;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.moveTo(x, y - 5);
    pen.lineTo(x, y);
    pen.lineTo(x + long, y);
    pen.lineTo(x + long, y - 5);
    pen.stroke();
    pen.fillText(words, x + 4, y - 6);
  };

  // ---- Moving ----
  const zoom = (factor, px = width() / 2, py = height() / 2) => {
    const scale = Math.min(Math.max(state.scale * factor, 400), 2 ** 29);
    state.x += (px - width() / 2) * (1 / state.scale - 1 / scale);
    state.y += (py - height() / 2) * (1 / state.scale - 1 / scale);
    state.scale = scale;
    refresh();
  };
  const pan = (dx, dy) => { state.x -= dx / state.scale; state.y -= dy / state.scale; refresh(); };
  const show = ([west, north, east, south], closest = 2 ** 27) => {
    state.x = (west + east) / 2;
    state.y = (north + south) / 2;
    state.scale = Math.min(width() / (east - west || 1e-9), height() / (south - north || 1e-9), closest);
    refresh();
  };
  const place = (k) => { const [, w, s, e, n] = data.places[k]; show([...mercator(w, n), ...mercator(e, s)]); };

  // ---- Facts ----
  const add = (parent, tag, text) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };
  const choose = (item, { others = [], isMoving = false, isFocused = false } = {}) => {
    state.chosen = item;
    part("results").replaceChildren();
    if (isMoving && middle(item)) {
      const [w, n, e, s] = item.box ?? [...item.at, ...item.at], pad = Math.max(e - w, s - n) * 0.6;
      show([w - pad, n - pad, e + pad, s + pad], item.box ? 2 ** 26 : 2 ** 24);
    }
    facts(item, others);
    if (isFocused) part("facts").querySelector("h3").focus();
    refresh();
  };
  const leadTo = (parent, item, text) => {
    add(parent, "button", text).addEventListener("click", () => choose(item, { isMoving: true, isFocused: true }));
  };
  const facts = (item, others) => {
    const box = part("facts");
    box.replaceChildren();
    add(box, "h3", item.name ?? item.code).tabIndex = -1;
    const list = add(box, "dl");
    const own = item.kind === "structure" ? { ...item, ...located(item), generation: inView(item.territory) } : item;
    for (const [column, title] of data.titles[item.kind]) {
      const value = own[column] ?? say.missing[column] ?? say.unknown;
      if (value === "") continue;
      add(list, "dt", title);
      const cell = add(list, "dd"), text = wordsOf[column]?.[value] ?? value;
      const target = data.links.includes(column) && find(value);
      if (target) leadTo(cell, target, target.name ? `${target.name} (${value})` : value);
      else cell.textContent = text;
    }
    for (const { name, label: perimeters } of item.kind === "structure" ? data.generations : []) {
      if (name === own.generation) continue;
      const { situation, qpv } = item.by[name];
      add(list, "dt", perimeters);
      add(list, "dd", [wordsOf.situation[situation] ?? say.unknown, qpv].filter(Boolean).join(" · "));
    }
    if (!middle(item)) add(box, "p", say.not_drawn);
    if (item.kind === "quarter") {
      const inside = structures.filter((s) => located(s).qpv === item.code);
      if (inside.length) neighbours(box, say.inside, inside);
    }
    if (others.length) neighbours(box, say.same_place, others);
  };
  const neighbours = (box, title, list) => {
    add(box, "h4", title);
    const names = add(box, "ul");
    for (const item of list.slice(0, MAX_LISTED)) leadTo(add(names, "li"), item, label(item));
    if (list.length > MAX_LISTED) add(names, "li", say.more.replace("{n}", list.length - MAX_LISTED));
  };
  const label = (item) => [item.name, item.code, item.city ?? item.communes].filter(Boolean).join(" · ");
  const under = (px, py) => { // what lies at a place of the canvas, the nearest structures first
    const far = (item) => { const [x, y] = onScreen(middle(item)); return Math.hypot(x - px, y - py); };
    const points = structures.filter((s) => isDrawn(s) && far(s) <= REACH).sort((a, b) => far(a) - far(b));
    const areas = quarters.filter((q) => {
      if (!q.box || !seen(q) || !isNear(q.box)) return false;
      if (isSmall(q.box)) return far(q) <= REACH;
      trace(q.rings);
      return pen.isPointInPath(px * ratio(), py * ratio(), "evenodd");
    });
    return [...points, ...areas];
  };
  const choosePlace = (px, py) => {
    const [first, ...others] = under(px, py);
    if (first) choose(first, { others });
    else part("facts").replaceChildren(Object.assign(document.createElement("p"), { textContent: say.nothing_here }));
  };

  // ---- Search ----
  const search = () => {
    const wanted = plain(part("search").value.trim()), box = part("results");
    box.replaceChildren();
    if (wanted.length < 2) { part("count").textContent = ""; return []; }
    const hits = items().filter((item) => wanted.split(/\s+/).every((word) => item.words.includes(word)));
    hits.sort((a, b) => b.words.startsWith(wanted) - a.words.startsWith(wanted));
    part("count").textContent = (hits.length > MAX_LISTED ? say.many_results : say.n_results).replace("{n}", hits.length);
    for (const item of hits.slice(0, MAX_LISTED)) leadTo(add(box, "li"), item, label(item));
    return hits;
  };

  // ---- Controls ----
  const options = (name, texts, change) => {
    texts.forEach((text, k) => { add(part(name), "option", text).value = k; });
    part(name).addEventListener("change", () => { change(Number(part(name).value)); refresh(); });
  };
  const key = () => {
    const box = part("key");
    box.replaceChildren();
    const entry = (text, paint) => {
      const line = add(box, "li"), tile = add(line, "canvas");
      tile.width = tile.height = 36;
      tile.setAttribute("aria-hidden", "true");
      const p = tile.getContext("2d");
      p.scale(2, 2);
      paint(p);
      add(line, "span", text);
    };
    for (const [code, form] of Object.entries(data.forms[state.paint])) {
      if (quarters.some((q) => seen(q) && q[state.paint] === code)) entry(wordsOf[state.paint][code], (p) => swatch(p, 9, 9, 7, form));
    }
    for (const type of ["MSP", "CDS"]) {
      for (const situation of [...ORDER].reverse()) {
        if (structures.some((s) => s.type === type && located(s).situation === situation)) {
          entry(`${wordsOf.type[type]} ${wordsOf.situation[situation]}`, (p) => mark(p, 9, 9, type, situation));
        }
      }
    }
  };
  const redo = () => { if (state.chosen) { if (seen(state.chosen)) facts(state.chosen, []); else { state.chosen = null; part("facts").replaceChildren(); } } key(); };
  options("view", data.views.map((v) => v.label), (k) => { state.view = data.views[k].generation; redo(); });
  options("paint", [say.paint_coverage, say.paint_zone], (k) => { state.paint = ["coverage", "zone"][k]; key(); });
  options("place", data.places.map(([name]) => name), place);
  part("far").addEventListener("change", (event) => { state.far = event.target.checked; refresh(); });
  part("search").addEventListener("input", search);
  part("search").addEventListener("keydown", (event) => {
    const first = event.key === "Enter" && search()[0];
    if (first) { event.preventDefault(); choose(first, { isMoving: true, isFocused: true }); }
  });
  part("in").addEventListener("click", () => zoom(2));
  part("out").addEventListener("click", () => zoom(0.5));

  const pointers = new Map();
  let travelled = 0;
  const spread = () => { const [a, b] = [...pointers.values()]; return Math.hypot(a.x - b.x, a.y - b.y); };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    travelled = pointers.size > 1 ? Infinity : 0; // two fingers choose nothing
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.offsetX, y: event.offsetY };
    const apart = pointers.size === 2 && spread();
    pointers.set(event.pointerId, now);
    travelled += Math.hypot(now.x - before.x, now.y - before.y);
    pan((now.x - before.x) / pointers.size, (now.y - before.y) / pointers.size);
    if (apart) {
      const [a, b] = [...pointers.values()];
      zoom(spread() / apart, (a.x + b.x) / 2, (a.y + b.y) / 2);
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (pointers.size === 1 && travelled < 6) choosePlace(event.offsetX, event.offsetY);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("wheel", (event) => { // the page scrolls until the map has been chosen
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(2 ** (-event.deltaY / 250), event.offsetX, event.offsetY);
  }, { passive: false });
  const KEYS = {
    ArrowLeft: () => pan(PAN, 0), ArrowRight: () => pan(-PAN, 0), ArrowUp: () => pan(0, PAN), ArrowDown: () => pan(0, -PAN),
    "+": () => zoom(2), "=": () => zoom(2), "-": () => zoom(0.5), Home: () => place(0),
    Enter: () => choosePlace(width() / 2, height() / 2), " ": () => choosePlace(width() / 2, height() / 2),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!KEYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  for (const change of ["focus", "blur"]) canvas.addEventListener(change, refresh);

  // ---- The tables under the map lead to it ----
  for (const kind of ["quarters", "structures"]) {
    part(`${kind}-list`).addEventListener("toggle", (event) => {
      for (const cell of event.target.querySelectorAll("tbody th")) {
        const item = find(cell.textContent);
        if (item) { cell.replaceChildren(); leadTo(cell, item, item.code); }
      }
    }, { once: true });
  }

  part("map").hidden = false;
  let isPlaced = false;
  new ResizeObserver(() => {
    const { clientWidth, clientHeight } = canvas;
    canvas.width = Math.round(clientWidth * ratio());
    canvas.height = Math.round(clientHeight * ratio());
    if (!isPlaced && clientWidth) { isPlaced = true; place(0); }
    cancelAnimationFrame(waiting);
    draw();
    performance.mark("live-map");
  }).observe(canvas);
  key();
})();
