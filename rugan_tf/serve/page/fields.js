// Values that lie on a periodic sheet, as rows of numbers: means over windows, and what their distribution is.

/** Means over the windows of a size that begin at each place; the sheet is periodic. */
export function windowMeans(rows, height, width) {
  const turned = (table) => table[0].map((_, col) => table.map((row) => row[col]));
  const along = (row, length) => {
    if (length >= row.length) return row.map(() => row.reduce((sum, value) => sum + value, 0) / row.length);
    let total = row.slice(0, length).reduce((sum, value) => sum + value, 0);
    return row.map((value, index) => {
      const mean = total / length;
      total += row[(index + length) % row.length] - value;
      return mean;
    });
  };
  const means = turned(turned(rows.map((row) => along(row, width))).map((column) => along(column, height)));
  // a window is drawn where its middle is
  const down = Math.floor(Math.min(height, rows.length) / 2), right = Math.floor(Math.min(width, rows[0].length) / 2);
  return rows.map((row, i) => row.map((_, j) => means[(i - down + rows.length) % rows.length][(j - right + row.length) % row.length]));
}

/** Mean, standard deviation, and the values below which 5 % and 95 % lie. */
export function summaryOf(values) {
  const sorted = [...values].sort((a, b) => a - b), number = sorted.length;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / number;
  const variance = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / number;
  const at = (share) => sorted[Math.round(share * (number - 1))];
  return { mean, deviation: Math.sqrt(variance), low: at(0.05), high: at(0.95), least: sorted[0], most: sorted[number - 1] };
}

/** Counts of values in equal bins from low to high. */
export function countsOf(values, low, high, number) {
  const counts = new Array(number).fill(0);
  for (const value of values) counts[Math.min(number - 1, Math.max(0, Math.floor((value - low) / (high - low) * number)))]++;
  return counts;
}

/** Round numbers between low and high, about so many. */
export function ticksOf(low, high, about) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * power >= rough) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), first = Math.ceil(low / step - 1e-9), found = [];
  for (let index = first; index * step <= high + 1e-9 * step; index++) found.push((index * step + 0).toFixed(digits));
  return found;
}
