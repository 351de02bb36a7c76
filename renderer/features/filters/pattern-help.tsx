import { Button, FileButton, Group, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import {
  findIgnoreForm,
  type IgnoreForm,
  ignoreForms,
  readIgnoreFile,
} from '../../../core/settings/ignore-file.ts'
import { findOddPatterns } from '../../../core/settings/patterns.ts'
import { useWords } from '../../words/context.tsx'

interface PatternHelpProps {
  /** Patterns as typed, one per line. */
  patterns: string
  /** The source's path. */
  root: string
  onChange: (patterns: string) => void
}

/** Warns of patterns that git reads in another way than was probably meant; imports ignore files of other tools. */
export function PatternHelp({ patterns, root, onChange }: PatternHelpProps) {
  return (
    <>
      <OddPatterns patterns={patterns} root={root} onChange={onChange} />
      <ImportPatterns patterns={patterns} onChange={onChange} />
    </>
  )
}

function OddPatterns({ patterns, root, onChange }: PatternHelpProps) {
  const { t, say } = useWords()
  const lines = patterns.split(/\r?\n/)
  const odd = findOddPatterns(lines, root)
  const replace = (pattern: string, instead: string[]) =>
    onChange(lines.flatMap((line) => (line === pattern ? instead : [line])).join('\n'))
  return (
    <div role="status" aria-live="polite">
      {odd.map(({ pattern, sentence, instead }) => (
        <div key={pattern} className="odd-pattern">
          <p className="warn breakable">{say(sentence)}</p>
          {instead !== null && (
            <Button size="compact-sm" variant="default" onClick={() => replace(pattern, instead)}>
              {instead.length === 0
                ? t('window.filters.odd.remove', { pattern })
                : t('window.filters.odd.write', { instead: instead.join('  ') })}
            </Button>
          )}
        </div>
      ))}
    </div>
  )
}

const formWords: Record<IgnoreForm, WordKey> = {
  git: 'window.filters.form.git',
  rsync: 'window.filters.form.rsync',
  syncthing: 'window.filters.form.syncthing',
}

interface Opened {
  name: string
  text: string
  form: IgnoreForm
  /** The patterns before the import, to repeat it with another format. */
  before: string
}

/** Imports the patterns of a file. Typed patterns are placed after them, so that they take precedence. */
function ImportPatterns({ patterns, onChange }: Omit<PatternHelpProps, 'root'>) {
  const { t, say } = useWords()
  const [opened, setOpened] = useState<Opened | null>(null)
  const [isUnread, setUnread] = useState(false)
  const take = (next: Opened) => {
    const read = readIgnoreFile(next.text, next.form).patterns
    setOpened(next)
    onChange([...read, ...(next.before === '' ? [] : [next.before])].join('\n'))
  }
  const open = (file: File | null) => {
    if (file === null) return
    file.text().then(
      (text) => {
        setUnread(false)
        take({ name: file.name, text, form: findIgnoreForm(file.name, text), before: patterns })
      },
      () => setUnread(true),
    )
  }
  const left = opened === null ? [] : readIgnoreFile(opened.text, opened.form).left
  return (
    <div className="import-patterns">
      <Group gap="xs" align="end">
        <FileButton onChange={open}>
          {(props) => (
            <Button {...props} size="compact-sm" variant="default">
              {t('window.filters.import')}
            </Button>
          )}
        </FileButton>
        {opened !== null && (
          <NativeSelect
            size="xs"
            label={t('window.filters.form', { name: opened.name })}
            value={opened.form}
            onChange={(event) => {
              const form = ignoreForms.find((one) => one === event.currentTarget.value)
              if (form !== undefined) take({ ...opened, form })
            }}
            data={ignoreForms.map((value) => ({ value, label: t(formWords[value]) }))}
          />
        )}
      </Group>
      {isUnread && <p className="card-problem">{t('window.filters.importUnread')}</p>}
      {left.length > 0 && (
        <ul className="left-lines" aria-label={t('window.filters.left')}>
          {left.map(({ line, text, why }) => (
            <li key={line} className="breakable">
              {t('window.filters.leftLine', { line, text, why: say(why) })}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
