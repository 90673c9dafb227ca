"""Rows of the result, and how they are judged and printed."""
import dataclasses
import statistics

from .processes import Skipped


@dataclasses.dataclass
class Row:
    """One figure against its floor and its goal. `detail` holds what explains it: more figures, each round."""
    what: str
    unit: str
    value: float = None
    floor: float = None
    goal: float = None
    higher_is_better: bool = True
    detail: dict = dataclasses.field(default_factory=dict)
    problem: str = ''       # why there is no value
    skipped: bool = False   # it could not be measured here; a problem otherwise is a failure

    def verdict(self):
        if self.value is None:
            return 'SKIP' if self.skipped else 'FAIL'
        if self.floor is None and self.goal is None:
            return ''
        reaches = (lambda bound: self.value >= bound) if self.higher_is_better else (lambda bound: self.value <= bound)
        if self.goal is not None and reaches(self.goal):
            return 'PASS (goal)'
        if self.floor is None:
            return 'missed'   # a goal alone cannot fail
        return 'PASS' if reaches(self.floor) else 'FAIL'

    def as_dict(self):
        return {**dataclasses.asdict(self), 'verdict': self.verdict()}


def problem_row(what, error):
    return Row(what, '', problem=str(error), skipped=isinstance(error, Skipped))


def median(values):
    return statistics.median(values)


def number(value):
    if value is None:
        return '-'
    if isinstance(value, str):
        return value
    return f'{value:.0f}' if abs(value) >= 100 or value == int(value) else f'{value:.3g}'


def explain(detail):
    def text(value):
        return '[' + ' '.join(number(v) for v in value) + ']' if isinstance(value, list) else number(value)
    return ', '.join(f'{name} {text(value)}' for name, value in detail.items())


def print_table(rows):
    width = max(len(row.what) for row in rows)
    unit = max(len(row.unit) for row in rows)
    print(f'{"":{width}}  {"":{unit}} {"reached":>9} {"floor":>9} {"goal":>9}')
    for row in rows:
        bound = '>=' if row.higher_is_better else '<='
        floor = f'{bound} {number(row.floor)}' if row.floor is not None else ''
        goal = f'{bound} {number(row.goal)}' if row.goal is not None else ''
        print(f'{row.what:{width}}  {row.unit:{unit}} {number(row.value):>9} {floor:>9} {goal:>9}  {row.verdict()}')
        explanation = row.problem or explain(row.detail)
        if explanation:
            print(f'    {explanation}')
