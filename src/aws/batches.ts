/** In their order, as many at a time as an operation takes. */
export function batches<Element>(elements: readonly Element[], most: number): Element[][] {
  const count = Math.ceil(elements.length / most);
  return Array.from({ length: count }, (_, index) => elements.slice(index * most, (index + 1) * most));
}
