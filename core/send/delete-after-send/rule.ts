import type { RemovalRule } from '../sender-messages.ts'
import type { SendSource } from '../transfer/contract.ts'

export type RemovalSource = SendSource & { removal?: RemovalRule | undefined }

/** Returns the batch directory that a file is in; null: it lies directly in the source. */
export function getBatchDirectory(file: string): string | null {
  const slash = file.indexOf('/')
  return slash < 0 ? null : file.slice(0, slash)
}

/** True if the rule allows a file of this name to be removed. Marks record the result of a batch and stay. */
export function isRemovableName(file: string, { marks, sentMark }: RemovalRule): boolean {
  if (marks.includes(file.slice(file.lastIndexOf('/') + 1))) return false
  return sentMark === null || getBatchDirectory(file) !== null
}
