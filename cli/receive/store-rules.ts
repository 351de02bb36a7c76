import type { Command } from 'commander'
import { defaultRuleWords, type RuleWords } from '../../core/store/quota/quota-options.ts'
import { collect } from '../terminal/option-words.ts'

/** The options of a receiver's retention and quota; options that were not given are absent. */
export type RuleOptions = Partial<{ [Name in keyof RuleWords]: NonNullable<RuleWords[Name]> }>

export function withRules(command: Command): Command {
  return command
    .option(
      '--keep-within <time>',
      `keep all older versions this long after they were replaced, counted while the receiver runs (default: ${defaultRuleWords.keepWithin})`,
    )
    .option(
      '--keep-daily <number>',
      `then the last version of each day, for this many days (default: ${defaultRuleWords.keepDaily})`,
    )
    .option('--keep-weekly <number>', `the same for weeks (default: ${defaultRuleWords.keepWeekly})`)
    .option('--keep-monthly <number>', `the same for months (default: ${defaultRuleWords.keepMonthly})`)
    .option('--keep-yearly <number>', `the same for years (default: ${defaultRuleWords.keepYearly})`)
    .option(
      '--lock <time>',
      'remove nothing for so long after it was replaced, whatever the --keep options are and the stations do: 90d',
    )
    .option(
      '--keep-free <size>',
      'space to keep free on the disk: 10G, or 5% (default: 1G, on small disks 1%)',
    )
    .option(
      '--quota <[station=]size>',
      'the most that a station may store, versions included, each name counted as 4 KiB more: 500G for each, PC=1T for the one with the folder PC',
      collect,
    )
    .option(
      '--quota-files <[station=]number>',
      'the most files and versions that a station may store',
      collect,
    )
}
