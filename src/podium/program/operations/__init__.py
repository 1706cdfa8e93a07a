"""The operations that a plan is made of.

To add one, write a class in a module of one of these folders, and add it to `AnyOperation`.

| from | to | folder |
|---|---|---|
| cells of the table | numbers | reading |
| texts in the table | numbers, by way of other texts | texts |
| numbers, each by itself | numbers | numbers |
| the numbers of a row | numbers | rows |
| rows | what they are like among the training rows | neighbors |
| rows | sums, shares and codes of a model | models |
"""

from typing import TypeAlias

from podium.program.operations.models.coupling import Couple
from podium.program.operations.models.forest import Forest
from podium.program.operations.models.sparse_codes import SparseCode
from podium.program.operations.models.topics import Topics
from podium.program.operations.neighbors.distances import Distance
from podium.program.operations.neighbors.kernels import Kernel
from podium.program.operations.neighbors.manifolds import Barycenter, Geodesic
from podium.program.operations.neighbors.nearest import Nearest
from podium.program.operations.neighbors.nodes import Nodes
from podium.program.operations.neighbors.within import Within
from podium.program.operations.numbers.bounds import Blank, Clip
from podium.program.operations.numbers.cells import Finite, Impute, Match, Missing, Scale
from podium.program.operations.numbers.curves import Bin, Power, Quantile
from podium.program.operations.numbers.links import Above, Largest, Link, Pair
from podium.program.operations.numbers.lookup import Interpolate, Lookup, Median
from podium.program.operations.numbers.splines import Spline
from podium.program.operations.operation import Operation, Shape, Shapes, Step
from podium.program.operations.reading.columns import Coding, Encode, Numbers, OneHot, coding_of
from podium.program.operations.reading.digest import Digest
from podium.program.operations.reading.hashes import CategoryHash, HashedLookup
from podium.program.operations.reading.moments import ReadTimes
from podium.program.operations.reading.times import Calendar, Clock, Times
from podium.program.operations.rows.elementwise import Elementwise
from podium.program.operations.rows.fills import Fill, FillLinear, FillNearest
from podium.program.operations.rows.matrices import Indicate, Join, Matmul, RowSum, Select, Total
from podium.program.operations.rows.precision import Single, SingleSum
from podium.program.operations.rows.products import Normalize, Product
from podium.program.operations.texts.analysis import Analysis
from podium.program.operations.texts.matches import ExtractText, MatchText, ReplaceMatches
from podium.program.operations.texts.min_hash import MinHash
from podium.program.operations.texts.numerals import ReadNumbers
from podium.program.operations.texts.similarity import Similarity
from podium.program.operations.texts.terms import Terms, TermSum
from podium.program.operations.texts.texts import (
    ChangeText,
    ChooseText,
    FillText,
    JoinTexts,
    MeasureText,
    Named,
    PresentText,
    Recode,
    Retext,
    Texts,
)

AnyOperation: TypeAlias = (
    Above
    | Barycenter
    | Bin
    | Blank
    | CategoryHash
    | Calendar
    | ChangeText
    | ChooseText
    | Clip
    | Clock
    | Couple
    | Distance
    | Elementwise
    | Encode
    | ExtractText
    | Fill
    | FillLinear
    | FillNearest
    | FillText
    | Finite
    | Forest
    | HashedLookup
    | Digest
    | Geodesic
    | Impute
    | Indicate
    | Interpolate
    | Join
    | JoinTexts
    | Kernel
    | Largest
    | Link
    | Lookup
    | Match
    | MatchText
    | Matmul
    | MeasureText
    | Median
    | MinHash
    | Missing
    | Named
    | Nearest
    | Normalize
    | Numbers
    | OneHot
    | Pair
    | Power
    | PresentText
    | Product
    | Quantile
    | ReadNumbers
    | ReadTimes
    | Recode
    | ReplaceMatches
    | Retext
    | RowSum
    | Scale
    | Select
    | Similarity
    | Single
    | SingleSum
    | SparseCode
    | Spline
    | Terms
    | TermSum
    | Texts
    | Times
    | Topics
    | Total
    | Within
)

__all__ = [
    "Above",
    "Analysis",
    "AnyOperation",
    "Barycenter",
    "Bin",
    "Blank",
    "Calendar",
    "CategoryHash",
    "ChangeText",
    "ChooseText",
    "Clip",
    "Clock",
    "Coding",
    "Couple",
    "Digest",
    "Distance",
    "Elementwise",
    "Encode",
    "ExtractText",
    "Fill",
    "FillLinear",
    "FillNearest",
    "FillText",
    "Finite",
    "Forest",
    "Geodesic",
    "HashedLookup",
    "Impute",
    "Indicate",
    "Interpolate",
    "Join",
    "JoinTexts",
    "Kernel",
    "Largest",
    "Link",
    "Lookup",
    "Match",
    "MatchText",
    "Matmul",
    "MeasureText",
    "Median",
    "MinHash",
    "Missing",
    "Named",
    "Nearest",
    "Nodes",
    "Normalize",
    "Numbers",
    "OneHot",
    "Operation",
    "Pair",
    "Power",
    "PresentText",
    "Product",
    "Quantile",
    "ReadNumbers",
    "ReadTimes",
    "Recode",
    "ReplaceMatches",
    "Retext",
    "RowSum",
    "Scale",
    "Select",
    "Shape",
    "Shapes",
    "Similarity",
    "Single",
    "SingleSum",
    "SparseCode",
    "Spline",
    "Step",
    "TermSum",
    "Terms",
    "Texts",
    "Times",
    "Topics",
    "Total",
    "Within",
    "coding_of",
]
