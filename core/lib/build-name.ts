/**
 * The commit of this build, shortened; null: unknown, as where the sources run without a build, or were built from
 * something else than a checkout. build/setup/bundle.mjs puts it in.
 */
const COMMIT: string | null = null

/** Returns a version with the commit of this build, as in "0.1.0+78a9a38e" (https://semver.org/#spec-item-10). */
export const nameBuild = (version: string): string => (COMMIT === null ? version : `${version}+${COMMIT}`)
