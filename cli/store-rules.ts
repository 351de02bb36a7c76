import type { Command } from 'commander'
import { defaultRuleWords, type RuleWords } from '../core/receive/limits/rule-words.ts'
import { collect } from './option-words.ts'

/** The options of a receiver that say what it keeps; what is not given is left out. */
export type RuleOptions = Partial<{ [Name in keyof RuleWords]: NonNullable<RuleWords[Name]> }>

export function withRules(command: Command): Command {
  return command
    .option(
      '--versions <number>',
      `older contents of each file that are kept, or "all" (default: ${defaultRuleWords.versions})`,
    )
    .option('--versions-days <days>', 'older contents are kept this long at most (default: no limit)')
    .option('--keep-free <size>', 'what stays free on the disk: 10G, or 5% (default: 1G, on small disks 1%)')
    .option(
      '--quota <[sender=]size>',
      'what a sender may store, versions included: 500G for each, PC=1T for the one with the folder PC',
      collect,
    )
    .option('--quota-files <[sender=]number>', 'how many files and versions a sender may store', collect)
}
