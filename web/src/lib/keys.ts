/** Whether keys now belong to a field that is being written in. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** A plain key, as the lists and the ladder take it: no Ctrl, Alt or Meta, which belong to the browser. */
export function plainKey(event: KeyboardEvent): string | null {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event)) return null;
  return event.key;
}

/** Where a key moves the selection in a list; null when it does not move it. */
export function moved(key: string, index: number, length: number, page: number): number | null {
  const last = length - 1;
  const clamp = (to: number) => Math.max(0, Math.min(last, to));
  if (length === 0) return null;
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return clamp(index + 1);
    case 'ArrowUp':
    case 'k':
      return clamp(index < 0 ? 0 : index - 1);
    case 'PageDown':
      return clamp(index + page);
    case 'PageUp':
      return clamp(index - page);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return null;
  }
}
