import { Command } from 'commander'
import { registerCheck } from '../../../cli/check/check.ts'

// The command by itself, so that its tests need nothing of the others.
const program = new Command('holdfast').exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
registerCheck(program)
await program.parseAsync()
