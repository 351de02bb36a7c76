import { readdir } from 'node:fs/promises'
import type { StoreLayout } from '../layout.ts'
import { OWN_DIRECTORY } from '../layout.ts'

/** The folders that are in a store, whoever they belong to. @throws what the system says, unless there is none. */
export async function foldersIn({ root }: Pick<StoreLayout, 'root'>): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && entry.name !== OWN_DIRECTORY)
    .map(({ name }) => name)
}
