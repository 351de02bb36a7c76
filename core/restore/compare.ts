import { openLibrary } from '../backends/open.ts'
import { defer } from '../defer.ts'
import { readManifest } from '../fixity/read-manifest.ts'
import type { RequestInput } from '../lib/workers/definition.ts'
import type { Finding } from '../store/verify/findings.ts'
import { verifyManifest } from './check-manifest.ts'
import { type Compared, MAX_REPORTED, type restorerDefinition } from './restore-messages.ts'

const BEGUN: Compared = {
  ...{ isEnded: false, files: 0, bytes: 0, totalFiles: null },
  ...{ damaged: 0, missing: 0, unreadable: 0, differences: [] },
}

/**
 * Compares files with a manifest in the background.
 * @returns a function that returns the progress, and throws the reason why the comparison ended early.
 */
export function startComparison(
  { from, folder, manifest: file }: RequestInput<typeof restorerDefinition, 'compare'>,
  signal: AbortSignal,
): () => Compared {
  let now = BEGUN
  let failure: { error: unknown } | null = null

  const run = async (): Promise<void> => {
    const manifest = await readManifest(file)
    now = { ...now, totalFiles: manifest.size }
    const library = await openLibrary(from, signal)
    using _ = defer(() => library.close())
    const { files, bytes } = await verifyManifest(
      { library, folder, manifest },
      {
        found: async (finding) => {
          now = countDifference(now, finding)
        },
        progress: ({ files, bytes }) => {
          now = { ...now, files, bytes }
        },
      },
    )
    now = { ...now, files, bytes, isEnded: true }
  }
  run().catch((error: unknown) => {
    failure = { error }
  })
  return () => {
    if (failure !== null) throw failure.error
    return now
  }
}

/** Counts a finding, and names its file if it is among the first ones. */
function countDifference(compared: Compared, finding: Finding): Compared {
  const kind = finding.kind === 'damaged' || finding.kind === 'unreadable' ? finding.kind : 'missing'
  return {
    ...compared,
    [kind]: compared[kind] + 1,
    differences: [...compared.differences, { path: finding.place, kind } as const].slice(0, MAX_REPORTED),
  }
}
