import { ActionIcon, Button, Group, NativeSelect, Skeleton } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { CommandInput, CommandOutput } from '../../../core/agent/contract.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { describeReport, type ReportSection } from '../../../core/report/document.ts'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { useIsPage } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { IconRefresh } from '../../ui/icons.ts'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords } from '../../words/context.tsx'

type Format = CommandInput<'saveReport'>['format']

const formats: readonly Format[] = ['html', 'csv', 'pdf']
/** Rows that are shown at first, and more with each click. A longer list has a search field. */
const PAGE_ROWS = 20

/** Shows the report of a month or week, which can be saved. */
export default function ReportView() {
  const { t, say, language } = useWords()
  const bridge = useBridge()
  const [period, setPeriod] = useState<string | null>(null)
  const [version, setVersion] = useState(0)
  const { value, failure, isPending } = useAnswer({
    question: period ?? 'last',
    version,
    ask: () => bridge.call('report', { period }),
  })
  const report = value?.report ?? null
  const shown = useMemo(
    () => (report === null ? null : describeReport(report, say, language)),
    [report, say, language],
  )
  return (
    <>
      <section className="card rows" aria-label={t('window.transfers.view.report')} aria-busy={isPending}>
        <div className="report-head">
          <PeriodChoice answer={value} period={period} onChoose={setPeriod} />
          <ActionIcon
            variant="default"
            size={30}
            aria-label={t('window.report.again')}
            title={t('window.report.again')}
            onClick={() => setVersion((last) => last + 1)}
          >
            <IconRefresh size={15} />
          </ActionIcon>
          {report !== null && <SaveButtons period={report.period.name} />}
        </div>
        {failure !== null && <p className="card-problem breakable">{say(failure)}</p>}
        {shown === null && failure === null && (
          <div role="status" aria-label={t('window.report.making')}>
            <Skeleton height={120} radius="md" animate={false} />
          </div>
        )}
        {shown !== null && (
          <div className="report-summary">
            <h2 className="breakable">{shown.title}</h2>
            {shown.summary.map((sentence) => (
              <p key={sentence} className="breakable">
                {sentence}
              </p>
            ))}
            {shown.notes.map((note) => (
              <p key={note} className="report-note breakable">
                {note}
              </p>
            ))}
            <dl className="facts">
              {shown.facts.map(({ label, value: fact }) => (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>{fact}</dd>
                </div>
              ))}
            </dl>
          </div>
        )}
      </section>
      {/* Another period begins at the top of each list. */}
      {shown?.sections.map((section) => (
        <SectionCard key={`${section.id} ${report?.period.name}`} section={section} />
      ))}
    </>
  )
}

interface PeriodChoiceProps {
  answer: CommandOutput<'report'> | null
  /** null: as the report was opened. */
  period: string | null
  onChoose: (period: string) => void
}

function PeriodChoice({ answer, period, onChoose }: PeriodChoiceProps) {
  const { t, language } = useWords()
  const months = new Intl.DateTimeFormat(language, { year: 'numeric', month: 'long', timeZone: 'UTC' })
  const toItem = (value: string) => ({ value, label: value })
  return (
    <NativeSelect
      size="xs"
      aria-label={t('window.report.period')}
      value={period ?? answer?.report.period.name ?? ''}
      disabled={answer === null}
      onChange={({ currentTarget }) => onChoose(currentTarget.value)}
      data={[
        {
          group: t('window.report.months'),
          items: (answer?.months ?? []).map((value) => ({
            value,
            label: months.format(new Date(`${value}-01T00:00Z`)),
          })),
        },
        { group: t('window.report.weeks'), items: (answer?.weeks ?? []).map(toItem) },
      ]}
    />
  )
}

/** Saves the report: in the desktop by its dialog, in a browser as a download, which prints PDF itself. */
function SaveButtons({ period }: { period: string }) {
  const { t } = useWords()
  const bridge = useBridge()
  const { tell } = useCommands()
  const isPage = useIsPage()
  const [saving, setSaving] = useState<Format | null>(null)
  const save = async (format: Format) => {
    setSaving(format)
    try {
      const { path } = await bridge.call('saveReport', { period, format })
      if (path !== null) tell('done', message('window.report.saved', { file: path }))
    } catch (error) {
      tell('refused', sentenceOfThrown(error))
    } finally {
      setSaving(null)
    }
  }
  return (
    <Group gap={6}>
      <span className="dimmed setting-hint">{t('window.report.saveAs')}</span>
      {formats
        .filter((format) => !(isPage && format === 'pdf'))
        .map((format) => (
          <Button
            key={format}
            size="compact-sm"
            variant="default"
            aria-label={t('window.report.save', { format: format.toUpperCase() })}
            disabled={saving !== null}
            onClick={() => save(format)}
          >
            {format.toUpperCase()}
          </Button>
        ))}
    </Group>
  )
}

function SectionCard({ section }: { section: ReportSection }) {
  const { t } = useWords()
  const [text, setText] = useState('')
  const [most, setMost] = useState(PAGE_ROWS)
  const { title, explain, rows, empty, more } = section
  const isLong = rows.length > PAGE_ROWS
  const wanted = text.trim().toLowerCase()
  const found = isLong ? rows.filter((row) => row.some((cell) => cell.toLowerCase().includes(wanted))) : rows
  const left = found.length - most
  return (
    <section className="card rows" aria-label={title}>
      <h3>{title}</h3>
      {rows.length === 0 && <p className="dimmed">{empty}</p>}
      {rows.length > 0 && <p className="dimmed">{explain}</p>}
      {isLong && (
        <SearchField
          label="window.report.search"
          text={text}
          onText={(value) => {
            setText(value)
            setMost(PAGE_ROWS)
          }}
        />
      )}
      {found.length > 0 && <SectionTable section={section} rows={found.slice(0, most)} />}
      {rows.length > 0 && found.length === 0 && <p className="dimmed">{t('window.report.nothingFits')}</p>}
      {left > 0 && (
        <Button size="xs" variant="default" onClick={() => setMost(most + PAGE_ROWS)}>
          {t('window.report.show', { count: Math.min(left, PAGE_ROWS) })}
        </Button>
      )}
      {more !== null && <p className="dimmed">{more}</p>}
    </section>
  )
}

/** Shows the rows as a table. In a narrow window each row is a block, with the names of the columns in front. */
function SectionTable({ section: { columns, title }, rows }: { section: ReportSection; rows: string[][] }) {
  return (
    <table className="report-table" aria-label={title}>
      <thead>
        <tr>
          {columns.map(({ label, isNumber }) => (
            <th key={label} scope="col" data-number={isNumber || undefined}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.join('\0')}>
            {row.map((cell, index) => (
              <td
                key={columns[index]?.label}
                data-label={columns[index]?.label}
                data-number={columns[index]?.isNumber || undefined}
              >
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
