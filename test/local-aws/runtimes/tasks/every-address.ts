/** `0.0.0.0` that is not part of something longer, such as a version; and its IPv6 forms. */
const everyAddress = /(?<![\d.])0\.0\.0\.0(?![\d.])|\[::\]|(?<=^|\s)::(?=\s|$)/g;

/** What listens everywhere listens at its task's address: all tasks of a bed share the network of this machine. */
export function atAddress(text: string, address: string): string {
  return text.replace(everyAddress, address);
}
