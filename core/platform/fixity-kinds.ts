// Without Node's modules: the window loads this with the schema of the settings.

/** Digests that archives ask for. Holdfast itself identifies contents by BLAKE3 (digest.ts). */
export const fixityKinds = ['sha256', 'md5'] as const
export type FixityKind = (typeof fixityKinds)[number]
