// Paths of the server's contents, always with '/'.

export function split(path: string): [folder: string, name: string] {
  const clean = path.replace(/\/+$/, "");
  const cut = clean.lastIndexOf("/");
  return [clean.slice(0, Math.max(0, cut)), clean.slice(cut + 1)];
}

export function join(folder: string, name: string): string {
  return folder ? `${folder.replace(/\/+$/, "")}/${name}` : name;
}

export function stem(name: string): string {
  return name.replace(/(.)\.[^.]*$/, "$1");
}

/** A path of the server's machine rather than one of its contents. */
export function isOutside(path: string): boolean {
  return /^(\/|~|[A-Za-z]:[\\/]|\\\\)/.test(path);
}

const MEDIA = /\.(jpe?g|png|bmp|webp|tiff?|gif|mp4|m4v|mov|avi|mkv|webm|mpe?g)$/i;

export function isMedia(name: string): boolean {
  return MEDIA.test(name);
}

/** The first of 'name.ext', 'name-2.ext' ... that is not taken. */
export function free(name: string, extension: string, taken: Set<string>): string {
  let found = `${name}${extension}`;
  for (let k = 2; taken.has(found); k++) found = `${name}-${k}${extension}`;
  return found;
}
