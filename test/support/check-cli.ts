import { Command } from 'commander'
import { registerCheck } from '../../cli/check.ts'
import { registerProbe } from '../../cli/probe.ts'

// The two commands by themselves, so that their tests need nothing of the others.
const program = new Command('holdfast')
registerCheck(program)
registerProbe(program)
await program.parseAsync()
