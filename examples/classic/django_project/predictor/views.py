import json

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .forms import PredictionForm
from .ml import FEATURES, predict_price


def home(request):
    price = None
    form = PredictionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        price = predict_price([form.cleaned_data[name] for name in FEATURES])
    return render(request, "predictor/home.html", {"form": form, "price": price})


@csrf_exempt
@require_POST
def predict_api(request):
    try:
        form = PredictionForm(json.loads(request.body))
    except ValueError:
        return JsonResponse({"error": "The body isn't JSON."}, status=400)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=400)
    price = predict_price([form.cleaned_data[name] for name in FEATURES])
    return JsonResponse({"prediction": price})
