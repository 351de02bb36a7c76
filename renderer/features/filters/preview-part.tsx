import type { WordKey } from '../../../core/lib/i18n/message.ts'
import type { Answer } from '../../state/answer.ts'
import type { FilterPreview } from '../../state/filter-preview.ts'
import { useWords } from '../../words/context.tsx'

type Rule = Pick<FilterPreview['leftOut'][number], 'reason' | 'pattern'>

const reasonWords: Record<Exclude<Rule['reason'], 'ignored'>, WordKey> = {
  hidden: 'window.filters.reason.hidden',
  'too-small': 'window.filters.reason.tooSmall',
  'too-large': 'window.filters.reason.tooLarge',
  'too-young': 'window.filters.reason.tooYoung',
  temporary: 'window.filters.reason.temporary',
  mark: 'window.filters.reason.mark',
  'not-batch': 'window.filters.reason.notBatch',
  'not-a-file': 'window.filters.reason.notAFile',
  mounted: 'window.filters.reason.mounted',
  unreadable: 'window.filters.reason.unreadable',
}

/** Shows the effect of the edited filters on the present files. */
export function PreviewPart({
  shown: { value: preview, failure, isPending },
}: {
  shown: Answer<FilterPreview>
}) {
  const { t, say } = useWords()
  return (
    <section className="preview" aria-label={t('window.filters.preview')} aria-busy={isPending}>
      <h4>{t('window.filters.preview')}</h4>
      <div role="status" aria-live="polite">
        {failure !== null && (
          <p className="card-problem breakable">{t('window.filters.failure', { reason: say(failure) })}</p>
        )}
        {preview === null && failure === null && <p className="dimmed">{t('window.filters.looking')}</p>}
        {preview !== null && <Sums preview={preview} />}
      </div>
      {preview !== null && preview.examples.length > 0 && <Examples preview={preview} />}
    </section>
  )
}

function Sums({ preview: { ended, kept, leftOut } }: { preview: FilterPreview }) {
  const { t, format } = useWords()
  const sum = (files: number, bytes: number) =>
    t('window.filters.sum', { count: files, size: format.bytes(bytes) })
  return (
    <>
      <dl className="sums">
        <div>
          <dt>{t('window.filters.kept')}</dt>
          <dd>{sum(kept.files, kept.bytes)}</dd>
        </div>
        {leftOut.map(({ reason, pattern, files, bytes }) => (
          <div key={`${reason} ${pattern}`}>
            <dt>
              <RuleName reason={reason} pattern={pattern} />
            </dt>
            <dd>{files === 0 && ended === 'complete' ? t('window.filters.noFile') : sum(files, bytes)}</dd>
          </div>
        ))}
      </dl>
      {leftOut.every(({ files }) => files === 0) && (
        <p className="dimmed">{t('window.filters.nothingLeftOut')}</p>
      )}
      {ended === 'time' && <p className="warn">{t('window.filters.atLeast')}</p>}
    </>
  )
}

function RuleName({ reason, pattern }: Rule) {
  const { t } = useWords()
  if (reason === 'ignored') return <code className="breakable">{pattern ?? ''}</code>
  return t(reasonWords[reason])
}

function Examples({ preview: { examples } }: { preview: FilterPreview }) {
  const { t } = useWords()
  return (
    <details className="examples">
      <summary>{t('window.filters.examples', { count: examples.length })}</summary>
      <ul>
        {examples.map(({ path, reason, pattern }) => (
          <li key={path}>
            <span className="breakable">{path}</span>{' '}
            <span className="dimmed">
              <RuleName reason={reason} pattern={pattern} />
            </span>
          </li>
        ))}
      </ul>
    </details>
  )
}
