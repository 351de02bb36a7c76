import { Button, Input, UnstyledButton } from '@mantine/core'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useNow } from '../../state/now.ts'
import { IconFile } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import type { Rule } from './expected-draft.ts'

/** Rows of the ledger that are read, and files of them that are offered. */
const READ = 200
const OFFERED = 50
const TYPING_MS = 400

interface ExampleProps {
  /** The id of the folder. */
  id: string
  /** The path of the example; null: none is chosen. */
  chosen: string | null
  onChoose: (path: string | null) => void
}

/** Offers the newest files of a folder, one of which is an example of those that should come. */
export function Example({ id, chosen, onChoose }: ExampleProps) {
  const { t, format } = useWords()
  const bridge = useBridge()
  const now = useNow()
  const { value } = useAnswer({
    question: id,
    ask: () => bridge.call('files', { source: id, state: null, before: null, limit: READ }),
  })
  // A file has a row for each destination.
  const files = [...new Map(value?.files.map((file) => [file.path, file])).values()]
    .sort((a, b) => (b.modifiedAt ?? 0) - (a.modifiedAt ?? 0))
    .slice(0, OFFERED)
  if (files.length === 0) return null
  const label = t('window.expected.example')
  if (chosen !== null)
    return (
      <Input.Wrapper label={label} labelElement="div">
        <div className="row spread">
          <bdi className="breakable">{chosen}</bdi>
          <Button variant="subtle" size="compact-sm" onClick={() => onChoose(null)}>
            {t('window.expected.another')}
          </Button>
        </div>
      </Input.Wrapper>
    )
  return (
    <Input.Wrapper label={label} labelElement="div" description={t('window.expected.exampleHint')}>
      <RovingList className="folders newest-files" entry="li">
        <ul className="listing-rows" aria-label={label}>
          {files.map(({ path, modifiedAt }) => (
            <li key={path}>
              <UnstyledButton
                type="button"
                className="listing-row listing-open"
                onClick={() => onChoose(path)}
              >
                <IconFile size={17} stroke={1.7} aria-hidden="true" />
                <bdi className="breakable listing-name">{path}</bdi>
                {modifiedAt !== null && <span className="dimmed">{format.moment(modifiedAt, now)}</span>}
              </UnstyledButton>
            </li>
          ))}
        </ul>
      </RovingList>
    </Input.Wrapper>
  )
}

interface PreviewProps {
  /** The id of the folder. */
  id: string
  rule: Rule
  /** The files do not show the period: no name of a next file is certain. */
  isGuess: boolean
}

/** Shows the last files that a rule matches and the next ones that it expects. */
export function RulePreview({ id, rule, isGuess }: PreviewProps) {
  const { t, say, format } = useWords()
  const bridge = useBridge()
  const now = useNow()
  const { value, failure, isPending } = useAnswer({
    question: JSON.stringify(rule),
    ask: () => bridge.call('previewExpected', { id, ...rule }),
    typingMs: TYPING_MS,
  })
  if (failure !== null && !isPending) return <p className="card-problem breakable">{say(failure)}</p>
  if (value === null) return null
  const { rule: saved, matching, known, last, otherCase, next } = value
  return (
    <section className="rule-preview" aria-busy={isPending} aria-label={t('window.expected.preview')}>
      {!isPending && saved.pattern !== rule.pattern && (
        <p className="breakable">{t('window.expected.converted', { pattern: saved.pattern })}</p>
      )}
      <p className={matching === 0 && known > 0 ? 'warn' : 'dimmed'}>
        {known === 0
          ? t('expected.noneKnown')
          : matching === 0
            ? t('expected.noMatch', { count: known })
            : t('expected.matching', { count: matching, known })}
      </p>
      {otherCase.count > 0 && (
        <p className="warn breakable">
          {t('expected.otherCase', { count: otherCase.count, names: otherCase.paths.join(', ') })}
        </p>
      )}
      <ul className="plain">
        {last.map(({ path }) => (
          <li key={path} className="breakable">
            <bdi>{path}</bdi>
          </li>
        ))}
      </ul>
      <ul className="plain dimmed">
        {!isGuess &&
          next.map(({ path, due }) => (
            <li key={due} className="breakable">
              {t('window.expected.nextName', { path, at: format.moment(due, now) })}
            </li>
          ))}
      </ul>
    </section>
  )
}
