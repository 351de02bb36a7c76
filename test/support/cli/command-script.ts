import path from 'node:path'

/** What runs the command line: as it was built, where `npm test` says so, else its sources. */
export const commandScript =
  process.env.HOLDFAST_COMMAND_SCRIPT ?? path.resolve(import.meta.dirname, '../../../cli/holdfast.ts')
