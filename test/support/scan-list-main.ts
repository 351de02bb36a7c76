import { Command } from 'commander'
import { registerScan } from '../../cli/scan-list.ts'

const program = new Command()
registerScan(program)
await program.parseAsync()
