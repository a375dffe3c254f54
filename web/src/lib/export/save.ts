// Hands a file to the browser, and makes a picture of points from one of lines.

import type { Picture } from './ladder-svg';

export function save(name: string, content: Blob | string, type: string): void {
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type }) : content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun by then, or never will.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Chromium draws no canvas that is longer on a side; Firefox and Safari stop at about as many points in all. */
const SIDE_MAX = 16_384;
const POINTS_MAX = 120_000_000;
/** Smaller than this nobody reads it. */
const SCALE_MIN = 0.6;

/** Points of the picture for each of its own; null where it would be too small to read. */
export function pngScale({ width, height }: Pick<Picture, 'width' | 'height'>): number | null {
  const scale = Math.min(2, SIDE_MAX / Math.max(width, height), Math.sqrt(POINTS_MAX / (width * height)));
  return scale < SCALE_MIN ? null : scale;
}

export async function png(picture: Picture): Promise<Blob> {
  const scale = pngScale(picture);
  if (scale === null) throw new Error('The ladder is too long for a PNG that could be read. Take SVG, or filter it.');
  const url = URL.createObjectURL(new Blob([picture.svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.floor(picture.width * scale);
    canvas.height = Math.floor(picture.height * scale);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser draws no pictures.');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
    if (!blob) throw new Error('This browser could not make a PNG of it.');
    return blob;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** A file name that every system takes. */
export function fileName(callId: string, end: string): string {
  const name = callId.replace(/[^\w.@-]+/g, '_').slice(0, 80);
  return `${name === '' ? 'call' : name}${end}`;
}
