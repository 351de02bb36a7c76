import type { RemovalRule } from '../sender-messages.ts'
import type { SendSource } from '../transfer/contract.ts'

export type RemovalSource = SendSource & { removal?: RemovalRule | undefined }

/** The directory of a batch source that a file is in; null: it lies beside them. */
export function batchDirectoryOf(file: string): string | null {
  const slash = file.indexOf('/')
  return slash < 0 ? null : file.slice(0, slash)
}

/** Whether a rule lets a file of this name be removed at all; marks say what became of a batch, and stay. */
export function isRemovableName(file: string, { marks, sentMark }: RemovalRule): boolean {
  if (marks.includes(file.slice(file.lastIndexOf('/') + 1))) return false
  return sentMark === null || batchDirectoryOf(file) !== null
}
