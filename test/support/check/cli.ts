import { Command } from 'commander'
import { registerCheck } from '../../../cli/check.ts'
import { registerProbe } from '../../../cli/probe.ts'

// The two commands by themselves, so that their tests need nothing of the others.
const program = new Command('holdfast').exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
registerCheck(program)
registerProbe(program)
await program.parseAsync()
