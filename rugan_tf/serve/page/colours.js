// Energies as colours: viridis, whose order colour-blind eyes and grey prints keep.

const STOPS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const VALUES = STOPS.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));

export const GRADIENT = `linear-gradient(to right, ${STOPS.join(", ")})`;

/** Red, green and blue of a share of the range, 0 to 1. */
export function colourOf(share) {
  const place = Math.min(Math.max(share, 0), 1) * (VALUES.length - 1), left = Math.min(Math.floor(place), VALUES.length - 2);
  return VALUES[left].map((value, index) => Math.round(value + (place - left) * (VALUES[left + 1][index] - value)));
}

/** A canvas of one pixel for each value of rows of numbers, coloured between low and high. */
export function pictureOf(rows, [low, high]) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [rows[0].length, rows.length];
  const context = canvas.getContext("2d"), image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, index) => image.data.set([...colourOf((value - low) / (high - low)), 255], 4 * index));
  context.putImageData(image, 0, 0);
  return canvas;
}
