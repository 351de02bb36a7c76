import enAgent from '../../../assets/locales/en/agent.json' with { type: 'json' }
import enAlert from '../../../assets/locales/en/alert.json' with { type: 'json' }
import enCause from '../../../assets/locales/en/cause.json' with { type: 'json' }
import enCheck from '../../../assets/locales/en/check.json' with { type: 'json' }
import enCli from '../../../assets/locales/en/cli.json' with { type: 'json' }
import enDestinations from '../../../assets/locales/en/destinations.json' with { type: 'json' }
import enError from '../../../assets/locales/en/error.json' with { type: 'json' }
import enHelp from '../../../assets/locales/en/help.json' with { type: 'json' }
import enReport from '../../../assets/locales/en/report.json' with { type: 'json' }
import enRestore from '../../../assets/locales/en/restore.json' with { type: 'json' }
import enScan from '../../../assets/locales/en/scan.json' with { type: 'json' }
import enSettings from '../../../assets/locales/en/settings.json' with { type: 'json' }
import enTransfer from '../../../assets/locales/en/transfer.json' with { type: 'json' }
import enWeb from '../../../assets/locales/en/web.json' with { type: 'json' }
import enWindow from '../../../assets/locales/en/window.json' with { type: 'json' }
import zhAgent from '../../../assets/locales/zh-TW/agent.json' with { type: 'json' }
import zhAlert from '../../../assets/locales/zh-TW/alert.json' with { type: 'json' }
import zhCause from '../../../assets/locales/zh-TW/cause.json' with { type: 'json' }
import zhCheck from '../../../assets/locales/zh-TW/check.json' with { type: 'json' }
import zhCli from '../../../assets/locales/zh-TW/cli.json' with { type: 'json' }
import zhDestinations from '../../../assets/locales/zh-TW/destinations.json' with { type: 'json' }
import zhError from '../../../assets/locales/zh-TW/error.json' with { type: 'json' }
import zhHelp from '../../../assets/locales/zh-TW/help.json' with { type: 'json' }
import zhReport from '../../../assets/locales/zh-TW/report.json' with { type: 'json' }
import zhRestore from '../../../assets/locales/zh-TW/restore.json' with { type: 'json' }
import zhScan from '../../../assets/locales/zh-TW/scan.json' with { type: 'json' }
import zhSettings from '../../../assets/locales/zh-TW/settings.json' with { type: 'json' }
import zhTransfer from '../../../assets/locales/zh-TW/transfer.json' with { type: 'json' }
import zhWeb from '../../../assets/locales/zh-TW/web.json' with { type: 'json' }
import zhWindow from '../../../assets/locales/zh-TW/window.json' with { type: 'json' }

// The built programs parse a dictionary only when a text of it is needed (build/setup/bundle.mjs).

export const english = () => ({
  ...enAgent,
  ...enAlert,
  ...enCause,
  ...enCheck,
  ...enCli,
  ...enDestinations,
  ...enError,
  ...enHelp,
  ...enReport,
  ...enRestore,
  ...enScan,
  ...enSettings,
  ...enTransfer,
  ...enWeb,
  ...enWindow,
})

/** A key of the dictionaries; every displayed sentence has one. Plural forms share their stem. */
export type WordKey = WordStem<keyof ReturnType<typeof english>>
type WordStem<Key extends string> = Key extends `${infer Stem}_one` | `${infer Stem}_other` ? Stem : Key

export const traditionalChinese = (): Record<string, string> => ({
  ...zhAgent,
  ...zhAlert,
  ...zhCause,
  ...zhCheck,
  ...zhCli,
  ...zhDestinations,
  ...zhError,
  ...zhHelp,
  ...zhReport,
  ...zhRestore,
  ...zhScan,
  ...zhSettings,
  ...zhTransfer,
  ...zhWeb,
  ...zhWindow,
})
