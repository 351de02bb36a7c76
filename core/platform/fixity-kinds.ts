// Without Node's modules: the window loads this with the schema of the settings.

/** Digests that archives ask for. Holdfast itself identifies contents by BLAKE3 (digest.ts). */
export const fixityKinds = ['sha256', 'md5'] as const
export type FixityKind = (typeof fixityKinds)[number]

/** The forms of manifests (core/fixity). */
export const manifestForms = ['sha256sum', 'md5sum', 'bagit', 'ro-crate'] as const
export type ManifestForm = (typeof manifestForms)[number]

/** Returns the digest that each file of such a manifest has. */
export const getFormKind = (form: ManifestForm): FixityKind => (form === 'md5sum' ? 'md5' : 'sha256')
