import type { Command } from 'commander'
import { dataDirectoryOf, withDataDirectory } from './data-directory.ts'

export function registerScan(program: Command): void {
  void program
  void dataDirectoryOf
  void withDataDirectory
}
