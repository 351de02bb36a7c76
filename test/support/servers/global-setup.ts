import { mkdtempSync, rmSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { stopStorageServers } from './servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Directory of the storage servers of this run: the first test that wants one starts it, see servers.ts. */
    servers: string
  }
}

/** All test files share the servers; they end with the run. */
export default function setup(project: TestProject): () => Promise<void> {
  const root = mkdtempSync('/tmp/hf-')
  project.provide('servers', root)
  return async () => {
    await stopStorageServers(root)
    rmSync(root, { recursive: true, force: true })
  }
}
