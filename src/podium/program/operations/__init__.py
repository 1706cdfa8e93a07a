"""The operations that a plan is made of.

To add one, write a class in a module of this folder, and add it to `AnyOperation`.

| from | to | modules |
|---|---|---|
| cells of the table | numbers | columns, digest, hashes, terms, times |
| cells of the table | texts, and on to numbers | texts, with spelling |
| numbers, each by itself | numbers | bounds, cells, curves, links, lookup, splines |
| numbers of a row | numbers | elementwise, fills, matrices, precision, products |
| rows | rows compared with training rows | distances, kernels, manifolds, nearest, within |
| rows | sums, shares and codes of a model | coupling, forest, sparse_codes, topics |

The others are parts of these.
"""

from typing import TypeAlias

from podium.program.operations.analysis import Analysis
from podium.program.operations.bounds import Blank, Clip
from podium.program.operations.cells import Finite, Impute, Match, Missing, Scale
from podium.program.operations.columns import Coding, Encode, Numbers, OneHot, coding_of
from podium.program.operations.coupling import Couple
from podium.program.operations.curves import Bin, Power, Quantile
from podium.program.operations.digest import Digest
from podium.program.operations.distances import Distance
from podium.program.operations.elementwise import Elementwise
from podium.program.operations.fills import Fill, FillLinear, FillNearest
from podium.program.operations.forest import Forest
from podium.program.operations.hashes import CategoryHash, HashedLookup
from podium.program.operations.kernels import Kernel
from podium.program.operations.links import Above, Largest, Link, Pair
from podium.program.operations.lookup import Interpolate, Lookup, Median
from podium.program.operations.manifolds import Barycenter, Geodesic
from podium.program.operations.matrices import Indicate, Join, Matmul, RowSum, Select, Total
from podium.program.operations.nearest import Nearest
from podium.program.operations.nodes import Nodes
from podium.program.operations.operation import Operation, Shape, Shapes, Step
from podium.program.operations.precision import Single, SingleSum
from podium.program.operations.products import Normalize, Product
from podium.program.operations.reading import ReadTimes
from podium.program.operations.sparse_codes import SparseCode
from podium.program.operations.splines import Spline
from podium.program.operations.terms import Terms, TermSum
from podium.program.operations.texts import (
    ChangeText,
    ChooseText,
    FillText,
    JoinTexts,
    MeasureText,
    Named,
    Recode,
    Retext,
    Texts,
)
from podium.program.operations.times import Calendar, Clock, Times
from podium.program.operations.topics import Topics
from podium.program.operations.within import Within

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
    | Matmul
    | MeasureText
    | Median
    | Missing
    | Named
    | Nearest
    | Normalize
    | Numbers
    | OneHot
    | Pair
    | Power
    | Product
    | Quantile
    | ReadTimes
    | Recode
    | Retext
    | RowSum
    | Scale
    | Select
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
    "Matmul",
    "MeasureText",
    "Median",
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
    "Product",
    "Quantile",
    "ReadTimes",
    "Recode",
    "Retext",
    "RowSum",
    "Scale",
    "Select",
    "Shape",
    "Shapes",
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
