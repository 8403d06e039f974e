// Small tools to build the page and to keep it: what stays is changed in place, so that focus,
// open details and a reader's position survive the news.  Text is only ever set as text.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  armed: ["M12 2 3 5.5V12c0 5.2 3.7 8.6 9 10 5.3-1.4 9-4.8 9-10V5.5z", "m8 12 3 3 5.5-6"],
  locked: ["M5 11h14v10H5z", "M8 11V7.5a4 4 0 0 1 8 0V11", "M12 15v2.5"],
  blind: ["M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12z", "M3.5 3.5l17 17"],
  shadow: ["M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12z", "M12 9.5v5M9.5 12h5"],
  unprotected: ["M12 3 1.5 21h21z", "M12 10v5M12 17.5v.8"],
  unknown: ["M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z", "M9 9.5a3 3 0 1 1 4 2.800c-.8.4-1 .9-1 1.700M12 17v.6"],
};

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function icon(tone) {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("aria-hidden", "true");
  made.setAttribute("class", "icon");
  for (const path of ICONS[tone] ?? ICONS.unknown) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    made.append(line);
  }
  return made;
}

export function text(node, said) {
  if (node.textContent !== said) node.textContent = said;
}

export function attribute(node, name, value) {
  if (value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function show(node, visible) {
  if (node.hidden === visible) node.hidden = !visible;
}

// Make a list's children those of the items, in their order; `make` returns a node, and `change`
// brings one up to date.
export function keep(list, items, key, make, change) {
  const before = new Map([...list.children].map((node) => [node.dataset.key, node]));
  let place = list.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let node = before.get(name);
    before.delete(name);
    if (!node) {
      node = make(item);
      node.dataset.key = name;
    }
    change(node, item);
    if (node === place) place = place.nextElementSibling;
    else list.insertBefore(node, place);
  }
  for (const node of before.values()) node.remove();
}
