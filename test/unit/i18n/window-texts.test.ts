import { describe, expect, test } from 'vitest'
import { textsOf } from '../../../core/lib/i18n/dictionaries.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { createWords } from '../../../core/lib/i18n/words.ts'

/** Keys of texts that only the terminal, the log of a service or a receiver without a window shows. */
const TERMINAL_ONLY = [
  /^cli\./,
  /^verify\./,
  /^fixity\./,
  /^(scan\.list|scan\.why|check\.token|check\.notChecked|filter\.odd\.command|filter\.from)/,
  /^agent\.(alreadyRunning|notRunning|silent|otherUser|closedEarly)$/,
  /^(data\.missing|settings\.importAsk)$/,
  // Checks and restores of a store by its own directory.
  /^store\.(none|notOne|inside|above|strange|missing|unknown|encrypted|restoreWhat|restoreWhere|restoreVersion|versionName|pathInvalid|undressed)$/,
  /^restore\.(computersNotTold|pairReplaces|storeGiven|storeWanted|fromWanted|noFolder)$/,
  // Options and answers of a receiver in a terminal.
  /^transfer\.(pairingHint|pairedNext\.\w+|pairWhat|pairReceiverOnly|pairSenderOnly|receiverNotRunning|storeNotGiven)$/,
  /^transfer\.(config\w+|option\w+|quota(Nobody|Sender)|metrics\w+|isocket\w+|senders?(None|Unknown|Ambiguous)|secrets\w+)$/,
]

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ['an option of the command line', /(?<![\w-])--[a-z]/],
  ['a command of Holdfast', /\{\{holdfast\}\}|\bholdfast [a-z]+ |["「]holdfast/],
  ['a name of a system error', /\bE[A-Z]{4,}\b/],
  ['a system call or its error', /\{\{(?:step|code)\}\}/],
  ['a tool of the terminal', /\b(?:chmod|fsck|e2fsck|sysctl|lsattr|dmesg|ssh-keygen|npx)\b/],
  ['the address of a library', /nodemailer|amazonaws|nodejs\.org|github\.com/],
  ['"directory" instead of "folder"', /\bdirector(?:y|ies)\b(?![^{]*\}\})|目錄/i],
  ['"source" instead of "folder"', /\bsources?\b(?![^{]*\}\})|來源/i],
  ['another term for this computer or a wait', /本機|等候/],
  ['a claim that files without a copy are safe', /\bwaits? safely\b|安全地留/],
]

const EXCEPTIONS = [
  // A program of the person's own ends with a code, which that person knows.
  /^channel\.command\.failed$/,
  // People may search for them.
  /^settings\.find\./,
]

const toStem = (key: string) => key.replace(/_(?:one|other|zero)$/, '')

/** Returns the texts that the window shows, by key. */
const listWindowTexts = (dictionary: Readonly<Record<string, string>>): [string, string][] =>
  Object.entries(dictionary).filter(([key]) => !TERMINAL_ONLY.some((only) => only.test(toStem(key))))

describe.each([
  ['English', textsOf('en', 'window')],
  ['Chinese', textsOf('zh-TW', 'window')],
])('texts of the window in %s', (_, dictionary) => {
  test.each(FORBIDDEN)('none has %s', (_name, pattern) => {
    const found = listWindowTexts(dictionary).filter(
      ([key, text]) => pattern.test(text) && !EXCEPTIONS.some((one) => one.test(key)),
    )
    expect(found).toEqual([])
  })
})

describe('parts of texts for one place', () => {
  const failed = message('check.readOnly', { path: '/data', step: 'create', code: 'EROFS' })

  test('the window shows no step and no code of a failed check, and the terminal shows both', () => {
    expect(createWords('en')(failed)).toContain(
      'step create failed because the file system is read-only (EROFS)',
    )
    for (const language of ['en', 'zh-TW'] as const) {
      const words = createWords(language, 'window')(failed)
      expect(words).toContain('/data')
      expect(words).not.toMatch(/create|EROFS|fsck/)
    }
  })

  test('a counted text has its form of the window in both numbers', () => {
    const counted = (count: number) =>
      createWords('en', 'window')(message('scan.neverSent', { count, path: '/data', mark: 'sent' }))
    expect(counted(1)).toMatch(/^1 file in \/data counts/)
    expect(counted(2)).toMatch(/^2 files in \/data count /)
  })

  test.each([
    ['en', "EACCES: permission denied, open '/data/a'", 'permission denied'],
    ['en', 'ENOENT', 'no such file or folder'],
    ['zh-TW', 'connect ETIMEDOUT 192.0.2.1:443', '逾時'],
    ['en', 'self-signed certificate', 'no authority has signed the certificate'],
    ['zh-TW', 'CERT_HAS_EXPIRED: certificate has expired (PutObject)', '憑證已過期'],
    ['zh-TW', 'Greeting never received', '逾時'],
    ['en', 'Unexpected socket close', 'connection lost'],
    ['en', 'Message failed, see https://nodemailer.com/errors#EENVELOPE', 'Message failed'],
    ['en', '550 no such user', '550 no such user'],
  ] as const)('in %s, the reason "%s" is written as "%s"', (language, reason, said) => {
    const words = createWords(
      language,
      'window',
    )(message('transfer.unreachable', { name: 'nas', address: 'a:1', reason }))
    expect(words).toMatch(new RegExp(`[:：] ?${said}[.。]`))
  })
})
