// A sheet as files: extxyz, CIF, POSCAR, and npz (arrays of NumPy in a zip that is stored, not compressed).

const text = (number) => number.toFixed(8);

export function extxyz(sheet, facts) {
  const atoms = sheet.atoms(), [rows, cols, height] = sheet.lengths.map(text);
  const told = Object.entries(facts).filter(([, value]) => typeof value === "number").map(([name, value]) => `${name}=${value}`);
  const head = [`Lattice="${rows} 0.0 0.0 0.0 ${cols} 0.0 0.0 0.0 ${height}"`, "Properties=species:S:1:pos:R:3", ...told, 'pbc="T T F"'];
  const lines = atoms.map(([symbol, ...place]) => `${symbol} ${place.map(text).join(" ")}`);
  return [atoms.length, head.join(" "), ...lines, ""].join("\n");
}

export function poscar(sheet, title) {
  const atoms = sheet.atoms(), { lengths } = sheet;
  const species = [...new Set(atoms.map((atom) => atom[0]))];
  const numbers = species.map((symbol) => atoms.filter((atom) => atom[0] === symbol).length);
  const axes = lengths.map((length, axis) => [0, 1, 2].map((one) => text(one === axis ? length : 0)).join(" "));
  const places = atoms.map(([, ...place]) => place.map((value, axis) => text(value / lengths[axis])).join(" "));
  return [title, "1.0", ...axes, species.join(" "), numbers.join(" "), "Direct", ...places, ""].join("\n");
}

export function cif(sheet, title) {
  const { lengths } = sheet, counts = {};
  const lines = sheet.atoms().map(([symbol, ...place]) => {
    counts[symbol] = (counts[symbol] || 0) + 1;
    return `${symbol}${counts[symbol]} ${symbol} ${place.map((value, axis) => text(value / lengths[axis])).join(" ")} 1.0`;
  });
  return [
    `data_${title.replace(/[^\w.-]+/g, "_")}`,
    ...["a", "b", "c"].map((axis, index) => `_cell_length_${axis} ${text(lengths[index])}`),
    ...["alpha", "beta", "gamma"].map((angle) => `_cell_angle_${angle} 90`),
    "_space_group_name_H-M_alt 'P 1'", "_space_group_IT_number 1", "loop_", "_space_group_symop_operation_xyz", "'x, y, z'",
    "loop_", "_atom_site_label", "_atom_site_type_symbol", "_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z",
    "_atom_site_occupancy", ...lines, "",
  ].join("\n");
}

/** Arrays as {name: [dtype, shape, typed array]}. */
export function npz(arrays) {
  const parts = [], entries = [];
  let offset = 0;
  for (const [name, [dtype, shape, values]] of Object.entries(arrays)) {
    const file = new TextEncoder().encode(`${name}.npy`), content = npy(dtype, shape, values), check = crc32(content);
    const local = header(0x04034b50, [20, 0, 0, 0, 33], [check, content.length, content.length], [file.length, 0]);
    parts.push(local, file, content);
    const tail = [file.length, 0, 0, 0, 0];
    entries.push(header(0x02014b50, [20, 20, 0, 0, 0, 33], [check, content.length, content.length], tail, [0, offset]), file);
    offset += local.length + file.length + content.length;
  }
  const size = entries.reduce((sum, part) => sum + part.length, 0), number = entries.length / 2;
  const end = header(0x06054b50, [0, 0, number, number], [size, offset], [0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

// a signature of four bytes, numbers of two, of four, of two, of four bytes
function header(signature, ...groups) {
  const size = [2, 4, 2, 4], length = 4 + groups.reduce((sum, group, index) => sum + size[index] * group.length, 0);
  const bytes = new DataView(new ArrayBuffer(length));
  bytes.setUint32(0, signature, true);
  let at = 4;
  groups.forEach((group, index) => group.forEach((value) => {
    if (size[index] === 2) bytes.setUint16(at, value, true);
    else bytes.setUint32(at, value, true);
    at += size[index];
  }));
  return new Uint8Array(bytes.buffer);
}

function npy(dtype, shape, values) {
  const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const described = `{'descr': '${dtype}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const padded = described.padEnd(Math.ceil((described.length + 11) / 64) * 64 - 11) + "\n";
  const bytes = new Uint8Array(10 + padded.length + values.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, padded.length & 255, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 10 + padded.length);
  return bytes;
}

/** A string as an array of no dimensions, four bytes for each character. */
export function stringArray(value) {
  const points = [...value].map((one) => one.codePointAt(0));
  return [`<U${points.length}`, [], Uint32Array.from(points)];
}

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  let code = value;
  for (let bit = 0; bit < 8; bit++) code = code & 1 ? (code >>> 1) ^ 0xedb88320 : code >>> 1;
  return code;
});

function crc32(bytes) {
  let code = 0xffffffff;
  for (const byte of bytes) code = (code >>> 8) ^ TABLE[(code ^ byte) & 255];
  return (code ^ 0xffffffff) >>> 0;
}
