// A sheet in space: which atoms its states are, what lies next to what, and what can be counted.
// All of it follows from the lattice that the model's description holds; no material is known here.

/** Sites, occupations and neighbours of a lattice: for each cell of the period, what each state puts where. */
export class Lattice {
  constructor(described, unit) {
    this.unit = unit; // of all lengths
    this.lengths = described.cell; // of one cell along rows and columns, and the height
    this.period = described.period;
    this.kinds = described.cells.map((states) => kindOf(states));
    this.neighbours = neighboursOf(this);
    const symbols = this.kinds.flatMap((kind) => kind.occupants.flat());
    this.species = [...new Set(symbols)].filter(Boolean).sort();
    this.canBeVacant = symbols.includes(null);
  }

  kind(row, col) {
    return this.kinds[(row % this.period[0]) * this.period[1] + (col % this.period[1])];
  }
}

function kindOf(states) {
  const sites = [];
  const indices = states.map((atoms) => atoms.map((atom) => {
    const place = atom.slice(1);
    const found = sites.findIndex((site) => distance(site, place) < 1e-3);
    return found >= 0 ? found : sites.push(place) - 1;
  }));
  const occupants = states.map((atoms, state) => {
    const row = sites.map(() => null);
    atoms.forEach((atom, index) => { row[indices[state][index]] = atom[0]; });
    return row;
  });
  return { sites, occupants };
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

// for each kind of cell and each of its sites: [row offset, column offset, site] of the nearest sites
function neighboursOf(lattice) {
  const [height, width] = lattice.period, reach = 3;
  const around = lattice.kinds.map((kind, index) => {
    const row = Math.floor(index / width), col = index % width;
    return kind.sites.map((site) => {
      const found = [];
      for (let i = -reach; i <= reach; i++) {
        for (let j = -reach; j <= reach; j++) {
          const other = lattice.kind(row + i + reach * height, col + j + reach * width);
          other.sites.forEach((place, number) => {
            const moved = [place[0] + i * lattice.lengths[0], place[1] + j * lattice.lengths[1], place[2]];
            const far = distance(site, moved);
            if (far > 0.1) found.push([far, i, j, number]);
          });
        }
      }
      return found;
    });
  });
  const nearest = around.flat(2).reduce((least, entry) => Math.min(least, entry[0]), Infinity);
  return around.map((kind) => kind.map((found) => found.filter((one) => one[0] < 1.1 * nearest).map((one) => one.slice(1))));
}

/** One sheet: states[row][col], and the lattice, null for a model that does not tell it. */
export class Sheet {
  constructor(states, lattice) {
    this.states = states;
    this.lattice = lattice;
    this.rows = states.length;
    this.cols = states[0].length;
    const cell = lattice ? lattice.lengths : [1, 1, 1];
    this.lengths = [this.rows * cell[0], this.cols * cell[1], cell[2]];
  }

  /** Call visit(symbol or null, x, y, z, row, col, site) for every site of some cells. */
  visit(firstRow, lastRow, firstCol, lastCol, visit) {
    const { lengths } = this.lattice;
    for (let row = firstRow; row < lastRow; row++) {
      for (let col = firstCol; col < lastCol; col++) {
        const kind = this.lattice.kind(row, col), occupants = kind.occupants[this.states[row][col]];
        for (let site = 0; site < kind.sites.length; site++) {
          const place = kind.sites[site];
          visit(occupants[site], place[0] + row * lengths[0], place[1] + col * lengths[1], place[2], row, col, site);
        }
      }
    }
  }

  /** Atoms as [symbol, x, y, z], sorted by species, cell after cell. */
  atoms() {
    const bySpecies = new Map(this.lattice.species.map((symbol) => [symbol, []]));
    this.visit(0, this.rows, 0, this.cols, (symbol, x, y, z) => {
      if (symbol) bySpecies.get(symbol).push([symbol, x, y, z]);
    });
    return [...bySpecies.values()].flat();
  }

  occupant(row, col, site) {
    const r = ((row % this.rows) + this.rows) % this.rows, c = ((col % this.cols) + this.cols) % this.cols;
    return this.lattice.kind(r, c).occupants[this.states[r][c]][site];
  }

  /** Numbers of atoms, sites and vacant sites, and of the vacant sites of each region of those that touch. */
  count() {
    const { lattice, rows, cols } = this;
    const most = Math.max(...lattice.kinds.map((kind) => kind.sites.length));
    const parent = new Int32Array(rows * cols * most).fill(-1);
    const find = (index) => {
      while (parent[index] !== index) {
        parent[index] = parent[parent[index]];
        index = parent[index];
      }
      return index;
    };
    let atoms = 0, sites = 0;
    this.visit(0, rows, 0, cols, (symbol, x, y, z, row, col, site) => {
      sites++;
      if (symbol) atoms++;
      else parent[(row * cols + col) * most + site] = (row * cols + col) * most + site;
    });
    this.visit(0, rows, 0, cols, (symbol, x, y, z, row, col, site) => {
      if (symbol) return;
      const kind = (row % lattice.period[0]) * lattice.period[1] + (col % lattice.period[1]);
      for (const [i, j, other] of lattice.neighbours[kind][site]) {
        const index = (((row + i + rows) % rows) * cols + ((col + j + cols) % cols)) * most + other;
        if (parent[index] >= 0) {
          const first = find((row * cols + col) * most + site), second = find(index);
          parent[first] = second;
        }
      }
    });
    const sizes = new Map();
    for (let index = 0; index < parent.length; index++) {
      if (parent[index] >= 0) sizes.set(find(index), (sizes.get(find(index)) || 0) + 1);
    }
    return { atoms, sites, vacant: sites - atoms, regions: [...sizes.values()].sort((a, b) => b - a) };
  }
}
